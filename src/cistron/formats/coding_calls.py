"""What changes do to proteins and splice sites, from bcftools' consequence caller.

`bcftools csq` reads a genome, transcripts and a VCF. It is given few transcripts and alleles at a time, each
allele in a record of its own and under a number, so what it says can be told apart, and its memory is that
of one block. Alleles are looked at singly (`--local-csq`): neighbours on one haplotype are not combined. It
keeps what it saw last in static memory, so each block has a process of its own.
Source: Danecek & McCarthy 2017, Bioinformatics 33:2037.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.formats.bgzf import first_bytes, is_bgzf
from cistron.formats.fasta import Fasta
from cistron.formats.fasta_index import find_index
from cistron.genome.alleles import Allele
from cistron.genome.transcripts import Transcript

_TERMS: Final = {
    "splice_acceptor": "splice_acceptor_variant",
    "splice_donor": "splice_donor_variant",
    "splice_region": "splice_region_variant",
    "stop_gained": "stop_gained",
    "stop_lost": "stop_lost",
    "stop_retained": "stop_retained_variant",
    "start_lost": "start_lost",
    "start_retained": "start_retained_variant",
    "frameshift": "frameshift_variant",
    "inframe_insertion": "inframe_insertion",
    "inframe_deletion": "inframe_deletion",
    "inframe_altering": "protein_altering_variant",
    "missense": "missense_variant",
    "synonymous": "synonymous_variant",
    "coding_sequence": "coding_sequence_variant",
    "feature_elongation": "feature_elongation",
}
"""bcftools' words → Sequence Ontology; its words for regions (intron, UTR …) are left out."""

_PROGRAM: Final = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"
_LONGEST_PROTEIN: Final = "10"
_AMINO_ACIDS: Final = re.compile(r"^(\d+)([A-Z*.\d]+?)(?:>\d+([A-Z*.\d]+))?$")


@dataclass
class Call:
    """What a change does to the product of one transcript.

    Attributes:
        terms: Sequence Ontology terms.
        position: First amino acid that changes, 1-based; empty where none does.
        amino_acids: Before and after, `/` between them; one alone where it stays the same.
    """

    terms: set[str] = field(default_factory=set)
    position: str = ""
    amino_acids: str = ""


def coding_calls(
    alleles: Sequence[Allele], transcripts: Mapping[int, Transcript], reference: Fasta
) -> dict[tuple[int, int], Call]:
    """What each allele does to each coding transcript that it touches: (number of each) → call.

    Args:
        alleles: Trimmed, on contigs of the reference, with its bases.
        transcripts: Number → a transcript; those without coding sequence are passed over.
        reference: Their genome.

    Raises:
        InputError: The caller cannot read what it is given, such as a coding sequence that overlaps itself.
    """
    found: dict[tuple[int, int], Call] = defaultdict(Call)
    for table in sorted({one.table for one in transcripts.values() if one.cds}):
        chosen = {n: one for n, one in transcripts.items() if one.cds and one.table == table}
        contigs = {one.chrom for one in chosen.values()}
        numbered = [(n, allele) for n, allele in enumerate(alleles) if allele.chrom in contigs]
        if numbered:
            for line in _called(numbered, chosen, reference, table):
                _read(line, found)
    return dict(found)


def _called(
    alleles: Iterable[tuple[int, Allele]], transcripts: Mapping[int, Transcript], reference: Fasta, table: int
) -> Iterator[str]:
    """The records that bcftools writes."""
    with tempfile.TemporaryDirectory(prefix="cistron-csq-") as name:
        folder = Path(name)
        fasta = _linked(reference, folder)
        gff, vcf, out = folder / "genes.gff", folder / "in.vcf", folder / "out.vcf"
        gff.write_text("\n".join(_gff(transcripts)) + "\n")
        vcf.write_text("\n".join(_vcf(alleles, reference)) + "\n")
        options = ["--local-csq", "--force", "--no-version", "-C", str(table), "-B", _LONGEST_PROTEIN]
        files = ["-f", str(fasta), "-g", str(gff), "-o", str(out), str(vcf)]
        ended = subprocess.run(  # noqa: S603 - our own interpreter and files, started without a shell
            [sys.executable, "-P", "-c", _PROGRAM, *options, *files],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            reason = (ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"])[-1]
            raise InputError(f"bcftools csq cannot read the annotation: {reason}")
        with out.open() as stream:
            yield from (line for line in stream if not line.startswith("#"))


def _linked(reference: Fasta, folder: Path) -> Path:
    """The genome with its index beside it, wherever that lies."""
    compressed = is_bgzf(first_bytes(reference.path))
    found = find_index(reference.path, compressed)
    fasta = folder / ("genome.fa.gz" if compressed else "genome.fa")
    fasta.symlink_to(reference.path.resolve())
    for ending, index in ((".fai", found.fai), (".gzi", found.gzi)):
        if index is not None:
            fasta.with_name(fasta.name + ending).symlink_to(Path(index).resolve())
    return fasta


def _gff(transcripts: Mapping[int, Transcript]) -> Iterator[str]:
    """Transcripts as bcftools reads them: each with a gene of its own, named by its number."""
    yield "##gff-version 3"
    for number, one in transcripts.items():
        place = f"{one.chrom}\tcistron"
        ends, kind = f"{one.start + 1}\t{one.end}\t.\t{one.strand}\t.", "biotype=protein_coding"
        yield f"{place}\tgene\t{ends}\tID=gene:{number};Name={number};{kind}"
        yield f"{place}\ttranscript\t{ends}\tID=transcript:{number};Parent=gene:{number};{kind}"
        parent = f"Parent=transcript:{number}"
        for start, end in one.exons:
            yield f"{place}\texon\t{start + 1}\t{end}\t.\t{one.strand}\t.\t{parent}"
        for (start, end), phase in zip(one.cds, one.phases(), strict=True):
            yield f"{place}\tCDS\t{start + 1}\t{end}\t.\t{one.strand}\t{phase}\t{parent}"


def _vcf(alleles: Iterable[tuple[int, Allele]], reference: Fasta) -> Iterator[str]:
    yield "##fileformat=VCFv4.2"
    order = {name: number for number, name in enumerate(reference.contigs)}
    for name, length in reference.contigs.items():
        yield f"##contig=<ID={name},length={length}>"
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    rows = [(order[a.chrom], *_spelled(a, reference), number, a.chrom) for number, a in alleles]
    for _, pos, ref, alt, number, chrom in sorted(rows):
        yield f"{chrom}\t{pos}\t{number}\t{ref}\t{alt}\t.\t.\t."


def _spelled(allele: Allele, reference: Fasta) -> tuple[int, str, str]:
    """Position, REF and ALT as in VCF: an indel with the base before it, or at the contig's start behind."""
    if allele.ref and allele.alt:
        return allele.start + 1, allele.ref, allele.alt
    if allele.start:
        base = reference.fetch(allele.chrom, allele.start - 1, allele.start)
        return allele.start, base + allele.ref, base + allele.alt
    end = len(allele.ref)
    base = reference.fetch(allele.chrom, end, end + 1)
    return 1, allele.ref + base, allele.alt + base


def _read(line: str, found: dict[tuple[int, int], Call]) -> None:
    """Add what one record says: `BCSQ=words|gene|transcript|biotype[|strand|amino acids|change],…`."""
    columns = line.rstrip("\n").split("\t")
    told = next((entry[5:] for entry in columns[7].split(";") if entry.startswith("BCSQ=")), "")
    for entry in filter(None, told.split(",")):
        words, _, transcript, *rest = entry.split("|")
        # A star before the words: the change lies behind a stop codon that comes earlier.
        terms = {_TERMS[word] for word in words.lstrip("*").split("&") if word in _TERMS}
        if not (terms and transcript.isdecimal()):
            continue
        call = found[int(columns[2]), int(transcript)]
        call.terms |= terms
        if len(rest) > 2 and (match := _AMINO_ACIDS.match(rest[2])):
            call.position = match[1]
            call.amino_acids = f"{match[2]}/{match[3]}" if match[3] else match[2]
