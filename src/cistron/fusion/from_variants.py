"""Records of a user's own variants: VCF + genome + annotation → questions with two sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cistron.data.labelled import LabelledData
from cistron.data.labelled.reading import read_items
from cistron.errors import InputError, UnknownContigError
from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import GeneFile
from cistron.genome import Interval, Reference, Variant
from cistron.genome.alleles import AlleleStatus, check_ref, classify, trim
from cistron.genome.contigs import ContigNames
from cistron.genome.windows import allele_window

WIDTH: Final = 4000
"""Bases of the longer sequence of a record."""

QUESTION: Final = (
    "Chromosome Number: {chrom}\nChange: {ref}>{alt} at {pos}\n\n"
    "What is the biological effect of this {gene} allele, specifically what disease does this contribute to?"
)
"""Asked of every allele; the fields in braces are filled in. `{gene}` is `unnamed` between genes."""

_FIELDS: Final = ("chrom", "pos", "ref", "alt", "gene")


class Cut(NamedTuple):
    """The record of one allele, and where its sequences lie.

    Attributes:
        record: With the question filled in and no answer.
        chrom: Contig as the genome calls it.
        start: First base of both sequences, 0-based.
    """

    record: DiagnosisRecord
    chrom: str
    start: int


def record_of(
    variant: Variant,
    genome: Reference,
    genes: Iterable[Interval] = (),
    *,
    width: int = WIDTH,
    question: str | None = None,
) -> Cut:
    """The record of one allele, cut as `records_of` cuts it.

    Args:
        variant: The allele.
        genome: What it was called on.
        genes: Those of the genome, or of the place; see `records_of`.
        width: Bases of the longer sequence.
        question: What to ask, as it is; None asks `QUESTION`.

    Raises:
        UnknownContigError: The genome does not have its contig.
        InputError: There is no sequence of the allele. The messages do not say where it lies.
    """
    chrom = ContigNames(genome.contigs).resolve(variant.chrom)
    if chrom is None:
        raise UnknownContigError("the genome has no contig of that name")
    if (status := classify(variant)) is not None:
        raise InputError(f"the allele has no sequence ({status}); write both in letters A, C, G, T")
    if check_ref(variant, genome, chrom):
        raise InputError("REF differs from the genome; is it of another assembly, or another strand?")
    window = allele_window(genome, trim(variant, chrom), width, "+")
    if isinstance(window, AlleleStatus):
        raise InputError(
            f"the allele has no window of {width:,} bases ({window}): it is too long, or too few bases "
            "around it are known"
        )
    place = Interval(chrom, variant.start, variant.start + len(variant.ref))
    gene = _gene_at(place, [each for each in genes if each.chrom == chrom])
    asked = question or _filled(QUESTION, _told(variant, gene))
    name = f"{variant.chrom}:{variant.pos}"
    sequences = window.ref_sequence, window.alt_sequence
    return Cut(DiagnosisRecord(name, asked, "", *sequences, gene=gene), *window.origin)


def records_of(
    vcf: Path,
    reference: Path,
    *,
    genes: Path | None = None,
    label: str | None = None,
    width: int = WIDTH,
    question: str = QUESTION,
) -> Iterator[DiagnosisRecord]:
    """Yield a record for every allele that has sequences; those that do not fit the genome are left out.

    Args:
        vcf: Variants, 1-based.
        reference: FASTA of the genome.
        genes: Annotation; see `GeneFile`. Of several genes at a place the longest is named.
        label: INFO field with the answer; alleles without it are left out. None gives records to be answered.
        width: Bases of the longer sequence.
        question: Template; see `QUESTION`.

    Raises:
        InputError: A file is missing or malformed, or the template has another field.
    """
    _filled(question, dict.fromkeys(_FIELDS, ""))
    data = LabelledData((str(vcf),), reference=str(reference), labels=(label,) if label else (), width=width)
    with Fasta(reference) as genome:
        known = _by_contig(GeneFile(genes, genome)) if genes else {}
    for item in read_items(data, data.train, width=width):
        chrom, pos, change = item.name.rsplit(":", 2)
        ref, _, alt = change.partition(">")
        place = Interval(*item.place) if item.place else Interval("", 0, 0)
        gene = _gene_at(place, known.get(place.chrom, ()))
        answer = item.labels[0].replace("_", " ") if item.labels else ""
        asked = _filled(question, _told(Variant(chrom, int(pos), ref, alt), gene))
        yield DiagnosisRecord(item.name, asked, answer, *item.sequences, gene=gene)


def _by_contig(annotation: GeneFile) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for gene in annotation.features("gene"):
        if gene.name:
            found.setdefault(gene.chrom, []).append(gene)
    return found


def _gene_at(place: Interval, known: Sequence[Interval]) -> str:
    """Symbol of the longest gene that shares a base with a place; empty between genes."""
    here = [gene for gene in known if gene.name and gene.start < place.end and place.start < gene.end]
    return max(here, key=lambda gene: (len(gene), gene.name)).name if here else ""


def _told(variant: Variant, gene: str) -> Mapping[str, object]:
    values = variant.chrom, variant.pos, variant.ref, variant.alt, gene or "unnamed"
    return dict(zip(_FIELDS, values, strict=True))


def _filled(question: str, told: Mapping[str, object]) -> str:
    try:
        return question.format(**told)
    except (KeyError, IndexError, ValueError) as problem:
        raise InputError(
            f"the question's template cannot be filled ({problem}); fields are "
            + ", ".join(f"{{{name}}}" for name in _FIELDS)
        ) from None
