"""Coding genes in reading order, and what is checked before an experiment believes one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from jaxtyping import Int

from cistron.genome import Interval, Reference, Strand
from cistron.genome.alleles import fetch_wrapped
from cistron.genome.annotation import Span
from cistron.genome.genetic_code import STOP, GeneticCode, genetic_code
from cistron.genome.sequence import is_acgt, reverse_complement


class Flaw(StrEnum):
    """Why a coding gene is not used; the text is what a report says."""

    PARTIAL = "annotated as partial"
    NOT_TRIPLETS = "length is not a multiple of 3"
    SHORT = "shorter than 60 bases"
    AMBIGUOUS = "holds bases other than A, C, G, T"
    NO_START = "does not begin with a start codon"
    NO_STOP = "does not end in a stop codon"
    INNER_STOP = "has a stop codon inside"
    OVERLAPPING = "parts overlap or descend: several isoforms or a frameshift"


SHORTEST = 60
"""Bases that a coding sequence must have; below, positions around its ends are also around the other end."""


@dataclass(frozen=True, slots=True)
class CodingGene:
    """A coding sequence, its parts in reading order.

    Attributes:
        name: Of the gene: symbol or locus tag.
        chrom: Contig name.
        strand: Reading direction.
        parts: Stretches of the contig in reading order, each 0-based half-open along the plus strand; on a
            circular contig an end may lie beyond its length, which means: across the origin.
        table: NCBI number of the genetic code.
        partial: Whether the annotation says that an end is missing, by its words or by a phase other than 0.
    """

    name: str
    chrom: str
    strand: Strand
    parts: tuple[Span, ...]
    table: int = 1
    partial: bool = False

    def __len__(self) -> int:
        return sum(end - start for start, end in self.parts)

    @property
    def code(self) -> GeneticCode:
        """Its genetic code.

        Raises:
            UnknownNameError: The table's number is not known.
        """
        return genetic_code(self.table)

    def positions(self) -> Int[np.ndarray, "bases"]:
        """Place of every base on the contig, 0-based plus strand, in reading order; not wrapped."""
        runs = [np.arange(start, end) for start, end in self.parts]
        return np.concatenate([run if self.strand == "+" else run[::-1] for run in runs])

    def sequence(self, reference: Reference) -> str:
        """The coding sequence in reading direction, upper case.

        Raises:
            UnknownContigError: The contig is not in `reference`.
        """
        texts = [fetch_wrapped(reference, self.chrom, start, end) for start, end in self.parts]
        return "".join(texts if self.strand == "+" else map(reverse_complement, texts))


@dataclass(frozen=True, slots=True)
class RnaGene:
    """A gene whose product is RNA.

    Attributes:
        kind: `tRNA`, `rRNA`, or a finer name such as `snoRNA` and `ncRNA`.
        interval: Whole feature, introns included.
        anticodon: Of a tRNA, as DNA 5' to 3'; empty where the annotation does not say.
    """

    kind: str
    interval: Interval
    anticodon: str = ""


@dataclass(frozen=True)
class Annotation:
    """What is known of a genome's genes.

    Attributes:
        coding: One entry a coding sequence; several of one gene are isoforms.
        rna: Genes of RNA.
        circular: Contigs that the annotation calls circular.
        genic: Every gene's or feature's whole extent; what is outside is intergenic.
        passed_over: Reason → how many entries were left out.
    """

    coding: tuple[CodingGene, ...]
    rna: tuple[RnaGene, ...] = ()
    circular: frozenset[str] = frozenset()
    genic: tuple[Interval, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)


def flaw(gene: CodingGene, reference: Reference) -> Flaw | None:
    """What is wrong with a gene; None when it reads cleanly from a start to a stop codon."""
    ascending = gene.parts if gene.strand == "+" else gene.parts[::-1]
    edges = [edge for part in ascending for edge in part]
    if edges != sorted(edges):
        return Flaw.OVERLAPPING
    if gene.partial:
        return Flaw.PARTIAL
    if len(gene) % 3:
        return Flaw.NOT_TRIPLETS
    if len(gene) < SHORTEST:
        return Flaw.SHORT
    return _misread(gene.sequence(reference), gene.code)


def _misread(cds: str, code: GeneticCode) -> Flaw | None:
    protein = code.translate(cds)
    if not is_acgt(cds):
        return Flaw.AMBIGUOUS
    if cds[:3] not in code.starts:
        return Flaw.NO_START
    if protein[-1] != STOP:
        return Flaw.NO_STOP
    return Flaw.INNER_STOP if STOP in protein[:-1] else None


def clean_genes(
    genes: Iterable[CodingGene], reference: Reference, *, chroms: Collection[str] | None = None
) -> tuple[list[CodingGene], dict[str, int]]:
    """The genes that read cleanly, one coding sequence a gene (the longest), and why others were left out.

    Args:
        genes: In any order; the answer is in order of contig name, first base and name.
        reference: Their genome.
        chroms: Contigs to look at; all when None.
    """
    reasons: Counter[str] = Counter()
    best: dict[tuple[str, str], CodingGene] = {}
    for gene in genes:
        if chroms is not None and gene.chrom not in chroms:
            continue
        wrong = flaw(gene, reference)
        if wrong is not None:
            reasons[wrong] += 1
            continue
        other = best.get((gene.chrom, gene.name))
        if other is not None:
            reasons["another isoform of the same gene is longer"] += 1
        if other is None or len(gene) > len(other):
            best[gene.chrom, gene.name] = gene
    return sorted(best.values(), key=lambda g: (g.chrom, min(g.parts), g.name)), dict(reasons)
