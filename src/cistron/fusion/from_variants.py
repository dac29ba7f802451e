"""Records of a user's own variants: VCF + genome + annotation → questions with two sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from cistron.data.labelled import Item, LabelledData
from cistron.data.labelled.reading import read_items
from cistron.errors import InputError
from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import GeneFile
from cistron.genome import Interval

QUESTION: Final = (
    "Chromosome Number: {chrom}\nChange: {ref}>{alt} at {pos}\n\n"
    "What is the biological effect of this {gene} allele, specifically what disease does this contribute to?"
)
"""Asked of every allele; the fields in braces are filled in. `{gene}` is `unnamed` between genes."""

_FIELDS: Final = ("chrom", "pos", "ref", "alt", "gene")


def records_of(
    vcf: Path,
    reference: Path,
    *,
    genes: Path | None = None,
    label: str | None = None,
    width: int = 4000,
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
        gene = _gene_at(item, known)
        told = {"chrom": chrom, "pos": pos, "ref": ref, "alt": alt, "gene": gene or "unnamed"}
        answer = item.labels[0].replace("_", " ") if item.labels else ""
        yield DiagnosisRecord(item.name, _filled(question, told), answer, *item.sequences, gene=gene)


def _by_contig(annotation: GeneFile) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for gene in annotation.features("gene"):
        if gene.name:
            found.setdefault(gene.chrom, []).append(gene)
    return found


def _gene_at(item: Item, known: Mapping[str, Sequence[Interval]]) -> str:
    if item.place is None:
        return ""
    chrom, start, end = item.place
    here = [gene for gene in known.get(chrom, ()) if gene.start < end and start < gene.end]
    return max(here, key=lambda gene: (len(gene), gene.name)).name if here else ""


def _filled(question: str, told: Mapping[str, str]) -> str:
    try:
        return question.format(**told)
    except (KeyError, IndexError, ValueError) as problem:
        raise InputError(
            f"the question's template cannot be filled ({problem}); fields are "
            + ", ".join(f"{{{name}}}" for name in _FIELDS)
        ) from None
