"""Transcripts from GFF3 and GTF as Ensembl, GENCODE and RefSeq write them, with the reference's contigs.

| | transcript | its parts name it by | gene name | MANE, canonical |
|---|---|---|---|---|
| GFF3 | any feature with a Parent that exons or CDS name as theirs | `Parent` | `gene_name`, `Name` | `tag` |
| GTF | `transcript` | `transcript_id` | `gene_name` | `tag` |

A CDS that names its gene as parent, as in bacteria, makes a transcript of its own. The stop codon, which GTF
leaves out of the CDS, is added to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from cistron.errors import InputError, ReferenceMismatchError
from cistron.formats.bgzf import read_lines
from cistron.genome import Reference, Strand
from cistron.genome.annotation import Span
from cistron.genome.contigs import ContigNames, plain_name, recognise_build
from cistron.genome.genetic_code import CODES
from cistron.genome.sequence import is_acgt, reverse_complement
from cistron.genome.transcripts import Transcript

_PARTS: Final = frozenset({"exon", "CDS", "stop_codon"})
_IGNORED: Final = frozenset({"five_prime_UTR", "three_prime_UTR", "start_codon", "UTR", "Selenocysteine"})
_GTF_ATTRIBUTE: Final = re.compile(r'(\w+) "?([^";]*)"?')
_BIOTYPES: Final = ("transcript_type", "transcript_biotype", "biotype", "gene_type", "gene_biotype")
"""Attributes that say what a transcript is, first its own."""

_IDENTIFIERS: Final = ("ID", "Parent", "gene_id", "transcript_id")
_SYMBOLS: Final = ("gene_name", "Name", "gene")
_KEPT: Final = frozenset((*_IDENTIFIERS, *_SYMBOLS, *_BIOTYPES, "tag", "transl_table"))
_STARTS_LOOKED_AT: Final = 200
_FEWEST_STARTS: Final = 3


class _Line(NamedTuple):
    chrom: str
    kind: str
    start: int
    end: int
    strand: str
    phase: str
    attributes: str


class _Parts:
    """What belongs to one transcript."""

    __slots__ = ("cds", "chrom", "exons", "phases", "strand", "table")

    def __init__(self, chrom: str, strand: str) -> None:
        self.chrom, self.strand = chrom, strand
        self.exons: list[Span] = []
        self.cds: list[Span] = []
        self.phases: dict[Span, str] = {}
        self.table = 0


def read_transcripts(
    path: str | Path, reference: Reference, contigs: Collection[str] | None = None
) -> list[Transcript]:
    """The transcripts of a GFF3 or GTF file, plain or gzip, that lie on contigs of the reference.

    Args:
        path: The file.
        reference: The genome. What lies on contigs that it does not have is passed over.
        contigs: Only those of these contigs, as the reference calls them; all when None.

    Raises:
        InputError: The file is missing, damaged, malformed, or has no transcripts on the reference.
        ReferenceMismatchError: It is of another assembly: contigs differ in length, features lie beyond their
            ends, or coding sequences do not begin with start codons.
    """
    path = Path(path)
    if not may_have_transcripts(path):
        raise InputError(f"{path} is no annotation by its name; give GFF3 or GTF, plain or .gz")
    gtf = ".gtf" in path.name.lower()
    described, parts, chroms = _collected(path, reference, contigs, gtf)
    found = [_transcript(name, described, part) for name, part in parts.items()]
    if not found and contigs is None:
        if described:
            raise InputError(f"{path} has genes but no transcripts: no exon or CDS names its parent")
        raise InputError(_nothing(path, chroms, reference))
    _require_same_assembly(path, found, reference)
    return found


def may_have_transcripts(path: Path) -> bool:
    """Whether a file is GFF3 or GTF by its name."""
    return path.name.lower().removesuffix(".gz").endswith((".gff", ".gff3", ".gtf"))


def _nothing(path: Path, chroms: Collection[str], reference: Reference) -> str:
    theirs, ours = (", ".join(list(names)[:3]) or "none" for names in (chroms, reference.contigs))
    return f"{path} has no features on {reference.name}: its contigs are {theirs}, the reference's {ours}"


def _collected(
    path: Path, reference: Reference, contigs: Collection[str] | None, gtf: bool
) -> tuple[dict[str, dict[str, str]], dict[str, _Parts], dict[str, None]]:
    """Attributes of what has an identifier, parts by transcript, and the file's contigs."""
    resolved = cache(ContigNames(reference.contigs).resolve)
    described: dict[str, dict[str, str]] = {}
    parts: dict[str, _Parts] = {}
    chroms: dict[str, None] = {}
    for line in _lines(path, reference):
        chroms[line.chrom] = None
        chrom = resolved(line.chrom)
        if chrom is None or (contigs is not None and chrom not in contigs):
            continue
        if line.end > reference.contigs[chrom]:
            raise ReferenceMismatchError(
                f"{path} has a feature at {line.chrom}:{line.start + 1:,}-{line.end:,}, beyond the "
                f"{reference.contigs[chrom]:,} bp of it in {reference.name}: another assembly"
            )
        attributes = _gtf_attributes(line.attributes) if gtf else _gff_attributes(line.attributes)
        if line.kind in _PARTS:
            for parent in _parents(attributes, gtf):
                part = parts.setdefault(parent, _Parts(chrom, line.strand))
                if (chrom, line.strand) != (part.chrom, part.strand):
                    raise InputError(f"{path}: the transcript {parent} lies on two contigs or both strands")
                _add(part, line, attributes)
        elif name := _name(line.kind, attributes, gtf):
            described[name] = attributes
    return described, parts, chroms


def _lines(path: Path, reference: Reference) -> Iterator[_Line]:
    for number, text in enumerate(read_lines(path), 1):
        if text.startswith("##sequence-region"):
            _require_same_length(path, text.split(), reference)
        if text.startswith(("##FASTA", ">")):
            return
        if not text.strip() or text.startswith("#"):
            continue
        columns = text.split("\t")
        if len(columns) != 9:
            raise InputError(
                f"{path} line {number:,} has {len(columns)} columns; GFF and GTF have 9, separated by tabs"
            )
        if columns[2] in _IGNORED:
            continue
        first, last = columns[3], columns[4]
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
            raise InputError(f"{path} line {number:,} runs from '{first}' to '{last}'; they count from 1")
        yield _Line(columns[0], columns[2], int(first) - 1, int(last), columns[6], columns[7], columns[8])


def _gff_attributes(text: str) -> dict[str, str]:
    found = (field.partition("=") for field in text.split(";"))
    return {name: unquote(value) if "%" in value else value for name, _, value in found if name in _KEPT}


def _gtf_attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _GTF_ATTRIBUTE.findall(text):
        if name in _KEPT:
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _parents(attributes: dict[str, str], gtf: bool) -> list[str]:
    text = attributes.get("transcript_id" if gtf else "Parent", "")
    return text.split(",") if text else []


def _name(kind: str, attributes: dict[str, str], gtf: bool) -> str:
    """What others call a feature by: in GTF only genes and transcripts have such a name."""
    if not gtf:
        return attributes.get("ID", "")
    return attributes.get({"gene": "gene_id", "transcript": "transcript_id"}.get(kind, ""), "")


def _add(part: _Parts, line: _Line, attributes: dict[str, str]) -> None:
    span = line.start, line.end
    if line.kind == "exon":
        part.exons.append(span)
        return
    part.cds.append(span)
    part.table = _table(attributes.get("transl_table", "")) or part.table
    if line.kind == "CDS":
        part.phases[span] = line.phase


def _table(text: str) -> int:
    """A genetic code that there is, else 0."""
    return int(text) if text.isdecimal() and int(text) in CODES else 0


def _transcript(name: str, described: dict[str, dict[str, str]], part: _Parts) -> Transcript:
    own = described.get(name, {})
    gene = own.get("Parent", own.get("gene_id", name))
    about = described.get(gene, {})
    both = {**about, **own}
    symbol = both.get("gene_name") or about.get("Name") or about.get("gene") or about.get("gene_id") or gene
    biotype = next((both[key] for key in _BIOTYPES if key in both), "")
    cds = _merged(part.chrom, part.cds)
    tags = {tag.replace(" ", "_").casefold() for tag in own.get("tag", "").split(",")}
    strand: Strand = "-" if part.strand == "-" else "+"
    phase = (
        part.phases.get(min(part.phases) if strand == "+" else max(part.phases), ".") if part.phases else "."
    )
    mitochondrial = plain_name(part.chrom) == "MT"
    return Transcript(
        id=_plain(own.get("transcript_id") or name),
        gene=_plain(own.get("gene_id") or gene),
        symbol=symbol,
        biotype=biotype or ("protein_coding" if cds else ""),
        chrom=part.chrom,
        strand=strand,
        exons=_merged(part.chrom, [*part.exons, *part.cds]),
        cds=cds,
        phase=int(phase) if phase in ("0", "1", "2") else 0,
        table=part.table or (2 if mitochondrial else 1),
        mane="mane_select" in tags,
        canonical="ensembl_canonical" in tags,
        starts="cds_start_nf" not in tags and phase in ("0", "."),
    )


def _plain(name: str) -> str:
    """An identifier without the kind that Ensembl and RefSeq write before it."""
    return re.sub(r"^(transcript:|gene:|rna-|gene-)", "", name)


def _merged(chrom: str, spans: list[Span]) -> tuple[Span, ...]:
    """Ascending; those that overlap or touch become one, such as a stop codon and the part before it."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)


def _require_same_length(path: Path, words: list[str], reference: Reference) -> None:
    """Compare a line `##sequence-region CONTIG 1 LENGTH` with the reference.

    A region that does not begin at 1 tells no length, and so does one of a contig without a build.
    """
    if len(words) != 4 or words[2] != "1" or not words[3].isdecimal():
        return
    name = ContigNames(reference.contigs).resolve(words[1])
    theirs = recognise_build({words[1]: int(words[3])})
    if name is None or theirs is None or reference.contigs[name] == int(words[3]):
        return
    raise ReferenceMismatchError(
        f"{path} is on {theirs}: {words[1]} has {int(words[3]):,} bases there and "
        f"{reference.contigs[name]:,} in {reference.name}; give the annotation of the reference's assembly"
    )


def _require_same_assembly(path: Path, transcripts: list[Transcript], reference: Reference) -> None:
    """Look whether coding sequences begin with start codons."""
    coding = [one for one in transcripts if one.cds and one.starts]
    step = max(1, len(coding) // _STARTS_LOOKED_AT)
    codons = [(one, _first_codon(one, reference)) for one in coding[::step]]
    known = Counter(codon in CODES[one.table].starts for one, codon in codons if is_acgt(codon))
    if known.total() >= _FEWEST_STARTS and known[True] < known[False]:
        raise ReferenceMismatchError(
            f"{path} does not fit {reference.name}: only {known[True]} of {known.total()} coding sequences "
            "begin with a start codon there; give the annotation of the reference's assembly"
        )


def _first_codon(transcript: Transcript, reference: Reference) -> str:
    if transcript.strand == "+":
        bases = "".join(reference.fetch(transcript.chrom, *part) for part in transcript.cds[:3])
        return bases[:3]
    bases = "".join(reference.fetch(transcript.chrom, *part) for part in transcript.cds[-3:])
    return reverse_complement(bases)[:3]
