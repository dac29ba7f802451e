"""The genes of a place, found in memory: for whoever asks about many places of one annotation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from typing import Final

import numpy as np

from cistron.genome import Interval
from cistron.genome.annotation import GeneModel
from cistron.genome.splits import Regions


class GeneIndex:
    """All genes of an annotation with their exons; calling it gives those of a place.

    Args:
        genes: Whole genes, from first to last base, in any order.
        exons: Of all their transcripts, which are merged. A gene's own are those of its name in its span and
            on its strand; where features bear other names, all that lie there.
    """

    def __init__(self, genes: Iterable[Interval], exons: Iterable[Interval]) -> None:
        self._genes: Final = _sorted(genes)
        self._exons: Final = _sorted(exons)
        self._starts: Final = {chrom: [one.start for one in found] for chrom, found in self._exons.items()}
        self._spans: Final = {
            chrom: np.array([(one.start, one.end) for one in found]) for chrom, found in self._genes.items()
        }
        self._model: Final = cache(self._made)

    def __call__(self, place: Interval) -> list[GeneModel]:
        """The genes that share a base with `place`, in ascending order."""
        if place.chrom not in self._spans:
            return []
        starts, ends = self._spans[place.chrom].T
        near = np.flatnonzero((starts < place.end) & (place.start < ends)).tolist()
        return [self._model(self._genes[place.chrom][number]) for number in near]

    def _made(self, gene: Interval) -> GeneModel:
        """The gene with its exons; one without any is one exon."""
        starts = self._starts.get(gene.chrom, [])
        low, high = bisect_left(starts, gene.start), bisect_left(starts, gene.end)
        inside = [
            exon
            for exon in self._exons.get(gene.chrom, [])[low:high]
            if exon.strand == gene.strand and exon.end <= gene.end
        ]
        own = [exon for exon in inside if exon.name == gene.name] or inside or [gene]
        merged = tuple((part.start, part.end) for part in Regions(own))
        return GeneModel(gene.name, gene.chrom, gene.strand, merged)


def _sorted(intervals: Iterable[Interval]) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for interval in intervals:
        found.setdefault(interval.chrom, []).append(interval)
    return {
        chrom: sorted(each, key=lambda one: (one.start, one.end, one.name)) for chrom, each in found.items()
    }
