"""Consequences on GENCODE's genes: every call against a plain translation of the changed coding sequence.

Needs GENCODE's GFF3 for GRCh38 (73 MB, named by `CISTRON_GENCODE`; the wheel `genos-client` 0.1.2 holds
v48) and the disease-gene loci of the data folder, whose sequence is that of GRCh38.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cistron.formats.consequences import Consequences
from cistron.formats.fasta import Fasta
from cistron.formats.transcripts import read_transcripts
from cistron.genome import Variant
from cistron.genome.genetic_code import CODES
from cistron.genome.sequence import reverse_complement
from cistron.genome.transcripts import Transcript

LOCI = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[2] / "../shared/data")) / "human"
GENCODE = Path(os.environ.get("CISTRON_GENCODE", "gencode.gff3.gz"))
pytestmark = pytest.mark.skipif(
    not (GENCODE.is_file() and (LOCI / "lrg_index.tsv").is_file()),
    reason="needs GENCODE's GFF3 as CISTRON_GENCODE, and CISTRON_DATA",
)
CHANGES = 20


class Locus(NamedTuple):
    """Where a locus lies on GRCh38; its own sequence is on the gene's strand."""

    name: str
    start: int
    end: int
    strand: str


def loci() -> dict[str, list[Locus]]:
    """By chromosome, the loci without a difference from GRCh38."""
    found: dict[str, list[Locus]] = {}
    with (LOCI / "lrg_index.tsv").open() as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            if row["assembly"] == "GRCh38" and row["n_diffs"] == "0":
                place = int(row["start1"]), int(row["end"]), row["strand"]
                found.setdefault(f"chr{row['chrom']}", []).append(Locus(row["lrg"], *place))
    return found


def moved() -> Iterator[str]:
    """The lines of genes inside a locus, in the locus' own coordinates."""
    places = loci()
    with gzip.open(GENCODE, "rt") as stream:
        for line in stream:
            columns = line.split("\t")
            if len(columns) != 9 or "Ensembl_canonical" not in line or columns[2] == "gene":
                continue
            first, last = int(columns[3]), int(columns[4])
            for locus in places.get(columns[0], ()):
                if locus.start <= first and last <= locus.end:
                    yield in_locus(columns, locus)


def in_locus(columns: list[str], locus: Locus) -> str:
    """A line in the coordinates of one locus; loci overlap, so each copy of a gene has its own name."""
    first, last, strand = int(columns[3]), int(columns[4]), columns[6]
    if locus.strand == "1":
        span = first - locus.start + 1, last - locus.start + 1
    else:
        span, strand = (locus.end - last + 1, locus.end - first + 1), "-" if strand == "+" else "+"
    told = columns[8].replace("ENST", f"{locus.name}_ENST")
    return "\t".join([locus.name, *columns[1:3], *map(str, span), columns[5], strand, columns[7], told])


def coding(transcript: Transcript, genome: Fasta) -> tuple[str, list[int]]:
    """The coding sequence in reading direction and the place of each of its bases."""
    places = [at for part in transcript.cds for at in range(*part)]
    bases = "".join(genome.fetch(transcript.chrom, *part) for part in transcript.cds)
    return (bases, places) if transcript.strand == "+" else (reverse_complement(bases), places[::-1])


def expected(cds: str, at: int, base: str) -> tuple[str, str, str]:
    """Term, amino acids and position of a substitution, by translation alone."""
    code = CODES[1]
    number = at // 3
    codon = cds[3 * number : 3 * number + 3]
    before, after = (code.translate(c) for c in (codon, codon[: at % 3] + base + codon[at % 3 + 1 :]))
    amino_acids = before if before == after else f"{before}/{after}"
    if number == 0:
        term = "start_lost"
    elif before == "*":
        term = "stop_retained_variant" if after == "*" else "stop_lost"
    elif after == "*":
        term = "stop_gained"
    else:
        term = "synonymous_variant" if before == after else "missense_variant"
    return term, amino_acids, str(number + 1)


def test_substitutions_of_clean_genes_are_what_translation_says(tmp_path: Path):
    path = tmp_path / "loci.gff3"
    path.write_text("".join(moved()))
    draw = random.Random(0)
    with Fasta(LOCI / "lrg_loci.fa.gz") as genome:
        wanted = []
        for transcript in read_transcripts(path, genome):
            cds, places = coding(transcript, genome) if transcript.cds else ("", [])
            protein = CODES[1].translate(cds)
            if len(cds) % 3 or not cds.startswith("ATG") or protein.find("*") != len(protein) - 1:
                continue
            for at in draw.sample(range(len(cds)), CHANGES):
                base = draw.choice([base for base in "ACGT" if base != cds[at]])
                told = (
                    (cds[at], base) if transcript.strand == "+" else map(reverse_complement, (cds[at], base))
                )
                variant = Variant(transcript.chrom, places[at] + 1, *told)
                wanted.append((variant, transcript.id, *expected(cds, at, base)))
        found = Consequences(path, genome).of(variant for variant, *_ in wanted)
    genes = {transcript for _, transcript, *_ in wanted}
    assert len(genes) > 300
    wrong = []
    for (variant, transcript, term, amino_acids, position), told_of in zip(wanted, found, strict=True):
        one = next((c for c in told_of if c.transcript == transcript), None)
        got = one and (next((t for t in one.terms if t != "splice_region_variant"), ""), one.amino_acids)
        if got != (term, amino_acids) or one is None or one.protein_position != position:
            wrong.append((variant, transcript, term, amino_acids, position, one))
    assert not wrong, f"{len(wrong)} of {len(wanted)}: {wrong[:3]}"
