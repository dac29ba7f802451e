"""What a command is to look at: a region, a contig, or a gene by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cistron.errors import InputError, UnknownContigError
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import GeneFile
from cistron.genome import Interval
from cistron.genome.annotation import GeneModel
from cistron.genome.splits import parse_region

Part = Literal["all", "exons", "cds"]


@dataclass(frozen=True)
class Target:
    """A place in the genome, on a contig as the reference names it.

    Attributes:
        name: The gene, or the region as samtools writes it.
        span: From the first base to the last, with the reading direction.
        intervals: The parts that were asked for, in ascending order.
        genes: Genes that share a base with it; its own first.
    """

    name: str
    span: Interval
    intervals: tuple[Interval, ...]
    genes: tuple[GeneModel, ...]

    @property
    def place(self) -> str:
        """The span as samtools writes it: 1-based, both ends included."""
        return f"{self.span.chrom}:{self.span.start + 1}-{self.span.end}"

    @property
    def bases(self) -> int:
        """Of all parts, in bp."""
        return sum(map(len, self.intervals))


def find_target(text: str, reference: Fasta, genes: Path | None = None, part: Part = "all") -> Target:
    """The place that `text` names: `chr:start-end`, a contig, or a gene of the file `genes`.

    Args:
        text: What the user wrote; 1-based, both ends included. Without a colon it is a contig if there is
            one of that name, else a gene.
        reference: The genome.
        genes: Annotation; see `GeneFile`.
        part: Of a gene: everything from its first base to its last, or its exons or coding sequence alone.

    Raises:
        InputError: It is no region, there is no file of genes, or the gene has no coding sequence.
        UnknownContigError: The contig is not in the reference.
        UnknownNameError: The gene is not in the file.
    """
    annotation = None if genes is None else GeneFile(genes, reference)
    try:
        region = parse_region(text, reference.contigs)
    except UnknownContigError:
        if ":" in text:
            raise
        return _gene(text, reference, annotation, part)
    if part != "all":
        raise InputError(f"--part {part} goes with the name of a gene; {text} is a region")
    near = () if annotation is None else tuple(annotation.genes_in(region))
    return Target(f"{region.chrom}:{region.start + 1}-{region.end}", region, (region,), near)


def _gene(name: str, reference: Fasta, annotation: GeneFile | None, part: Part) -> Target:
    if annotation is None:
        raise InputError(
            f"'{name}' is no contig of {reference.name}; write CHROM:START-END, or give --genes for a gene"
        )
    gene = annotation.gene(name)
    spans = {"all": ((gene.start, gene.end),), "exons": gene.exons, "cds": gene.cds}[part]
    if not spans:
        raise InputError(
            f"gene {gene.name} has no coding sequence in {annotation.path.name}; use --part exons"
        )
    intervals = tuple(Interval(gene.chrom, start, end, gene.strand, gene.name) for start, end in spans)
    span = Interval(gene.chrom, intervals[0].start, intervals[-1].end, gene.strand, gene.name)
    return Target(gene.name, span, intervals, _own_first(gene, annotation.genes_in(span)))


def _own_first(gene: GeneModel, near: Sequence[GeneModel]) -> tuple[GeneModel, ...]:
    return (gene, *(other for other in near if other.name != gene.name))
