"""Annotation: where the exons and the coding sequence of a gene lie, and what every base of a contig is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from cistron.errors import InputError, OutOfBoundsError
from cistron.genome import Interval, Strand

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GeneModel:
    """One transcript of a gene, all coordinates 0-based half-open along the plus strand.

    Attributes:
        name: Gene symbol.
        chrom: Contig name.
        strand: Reading direction.
        exons: Exons in ascending order, at least one.
        cds: Coding parts of the exons in ascending order; empty for a non-coding gene.
    """

    name: str
    chrom: str
    strand: Strand
    exons: tuple[Span, ...]
    cds: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.exons or self.strand not in ("+", "-"):
            raise InputError(f"gene '{self.name}' needs at least one exon and the strand + or -")
        for kind, spans in (("exons", self.exons), ("CDS", self.cds)):
            edges = [edge for span in spans for edge in span]
            if edges != sorted(edges) or any(start == end for start, end in spans):
                raise InputError(f"{kind} of gene '{self.name}' are empty, overlap or descend: {spans}")

    @property
    def start(self) -> int:
        """First base of the first exon, 0-based."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """One past the last base of the last exon."""
        return self.exons[-1][1]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> GeneModel:
        """A gene model from a decoded JSON object with the attributes as keys and spans as pairs.

        Raises:
            InputError: A key is missing, or a span is not a pair of whole numbers.
        """

        def spans(pairs: Sequence[Sequence[int]]) -> tuple[Span, ...]:
            return tuple((int(start), int(end)) for start, end in pairs)

        try:
            name, chrom, strand = content["name"], content["chrom"], content["strand"]
            exons, cds = spans(content["exons"]), spans(content.get("cds", ()))
        except KeyError as missing:
            raise InputError(f"a gene model needs name, chrom, strand and exons; no {missing} here") from None
        except (TypeError, ValueError):
            raise InputError(f"exons and cds of gene '{name}' must be pairs [start, end]") from None
        return cls(str(name), str(chrom), strand, exons, cds)


def covered(intervals: Iterable[Interval], length: int) -> Bool[np.ndarray, "L"]:
    """One flag per base of a contig: whether any of the intervals holds it.

    Args:
        intervals: Of that contig alone, in any order, overlapping or not; strands do not matter.
        length: Of the contig, in bp.

    Raises:
        InputError: The intervals are of more than one contig.
        OutOfBoundsError: An interval reaches beyond the contig.
    """
    flags = np.zeros(length, dtype=bool)
    chroms = set()
    for interval in intervals:
        chroms.add(interval.chrom)
        if not 0 <= interval.start <= interval.end <= length:
            place = f"{interval.chrom}:{interval.start + 1:,}-{interval.end:,}"
            raise OutOfBoundsError(
                f"{place} is not in a contig of {length:,} bp; is the annotation of the same assembly?"
            )
        flags[interval.start : interval.end] = True
    if len(chroms) > 1:
        raise InputError(f"flags are made for one contig at a time, not for {', '.join(sorted(chroms))}")
    return flags


def gene_partition(
    genes: Iterable[Interval], exons: Iterable[Interval], length: int
) -> dict[str, Bool[np.ndarray, "L"]]:
    """Flags `exons`, `introns` and `intergenic` that give every base of a contig to exactly one of them.

    A base that is an exon of any transcript of any gene is exonic, whatever else it is; the rest of every
    gene is intronic.

    Args:
        genes: Whole genes, first to last base.
        exons: Of all their transcripts.
        length: Of the contig, in bp.
    """
    exonic, genic = covered(exons, length), covered(genes, length)
    return {"exons": exonic, "introns": genic & ~exonic, "intergenic": ~genic & ~exonic}
