"""Edits of a gene in its reading direction, spelled as variants on the reference.

An experiment thinks along the gene: "the first base of the start codon becomes G", "codon 17 becomes TAA".
These functions turn that into plus-strand variants of the genome, REF included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cistron.genome import Reference, Strand, Variant
from cistron.genome.alleles import fetch_wrapped
from cistron.genome.coding import CodingGene
from cistron.genome.contigs import contig_length
from cistron.genome.sequence import ACGT, reverse_complement


class Edit(NamedTuple):
    """A variant, and what an experiment wants to know about it.

    Attributes:
        variant: On the plus strand.
        strand: Reading direction of the gene.
        unit: What resampling draws, usually the gene's name.
        kind: Class of the edit.
        place: Where, in reading direction, counted as the experiment says.
        change: What becomes what, in reading direction, such as `A>G`.
    """

    variant: Variant
    strand: Strand
    unit: str
    kind: str
    place: int
    change: str


def replaced(
    reference: Reference, chrom: str, strand: Strand, start: int, end: int, alt: str
) -> Variant | None:
    """The variant that replaces `chrom[start:end]` by `alt`, read on `strand`; None where it cannot be.

    It cannot across the origin of a circular contig, beyond the ends of a linear one, or where the reference
    has bases other than ACGT. A deletion or an insertion takes in the base before it, as VCF wants.

    Args:
        reference: The genome.
        chrom: Contig name.
        strand: Reading direction of `alt`.
        start: First replaced base, 0-based plus strand; on a circular contig it may lie beyond the length.
        end: One past the last; equal to `start` for an insertion before that base.
        alt: New bases in reading direction; empty for a deletion.
    """
    length = contig_length(reference, chrom)
    turn = start // length * length
    start, end = start - turn, end - turn
    alt = alt if strand == "+" else reverse_complement(alt)
    anchor = 0 if alt and end > start else 1
    if end > length or start < anchor:
        return None
    ref = reference.fetch(chrom, start - anchor, end)
    if ref.strip(ACGT):
        return None
    return Variant(chrom, start - anchor + 1, ref, ref[:anchor] + alt)


def beside(
    reference: Reference, gene: CodingGene, place: int, offset: int, circular: bool
) -> tuple[int, str] | None:
    """The base `offset` steps along the gene's strand from a place on the contig; None off the contig.

    Args:
        reference: The genome.
        gene: Tells contig and strand.
        place: On the contig, 0-based plus strand.
        offset: In reading direction; introns are not skipped.
        circular: Carry on across the ends of the contig.

    Returns:
        Its place on the contig (0-based plus strand) and the base in reading direction.
    """
    at = place + (offset if gene.strand == "+" else -offset)
    length = contig_length(reference, gene.chrom)
    if not circular and not 0 <= at < length:
        return None
    base = fetch_wrapped(reference, gene.chrom, at, at + 1)
    return at % length, base if gene.strand == "+" else reverse_complement(base)


def whole_codons(gene: CodingGene) -> Iterator[tuple[int, int, int]]:
    """Number (from 0), first and one past the last plus-strand place of each codon no intron divides."""
    places = gene.positions().reshape(-1, 3)
    low, high = places.min(axis=1), places.max(axis=1)
    for number in (high - low == 2).nonzero()[0].tolist():
        yield number, int(low[number]), int(high[number]) + 1
