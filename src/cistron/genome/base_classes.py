"""What the bases of a stretch are: exon, intron, intergenic, and whatever else intervals are known of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from jaxtyping import Bool

from cistron.genome import Interval
from cistron.genome.annotation import gene_partition
from cistron.genome.splits import Regions


class BaseClasses:
    """Tells the classes of any stretch's bases; memory is that of the intervals, whatever the stretch.

    Args:
        genes: Whole genes; None for an annotation without genes.
        exons: Of all their transcripts.
        others: Name → intervals of further classes, which may overlap each other and genes.
    """

    def __init__(
        self,
        genes: Iterable[Interval] | None = None,
        exons: Iterable[Interval] = (),
        others: Mapping[str, Iterable[Interval]] | None = None,
    ) -> None:
        self._genes: Final = None if genes is None else (_Spans(genes), _Spans(exons))
        self._others: Final = {name: _Spans(found) for name, found in (others or {}).items()}

    def __call__(self, stretch: Interval) -> dict[str, Bool[np.ndarray, "L"]]:
        """Flags of the stretch's bases by class, along the plus strand.

        With genes, every base is of exactly one of `exons`, `introns` and `intergenic`.
        """
        length = len(stretch)
        found: dict[str, Bool[np.ndarray, "L"]] = {}
        if self._genes is not None:
            genes, exons = (spans.within(stretch) for spans in self._genes)
            found |= gene_partition(genes, exons, length)
        for name, spans in self._others.items():
            flags = np.zeros(length, dtype=bool)
            for part in spans.within(stretch):
                flags[part.start : part.end] = True
            found[name] = flags
        return found


class _Spans:
    """Merged intervals, found by place."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._by_contig: dict[str, tuple[list[int], list[int]]] = {}
        for span in Regions(intervals):
            starts, ends = self._by_contig.setdefault(span.chrom, ([], []))
            starts.append(span.start)
            ends.append(span.end)

    def within(self, stretch: Interval) -> list[Interval]:
        """Those that share a base with the stretch, cut to it and counted from its start."""
        starts, ends = self._by_contig.get(stretch.chrom, ([], []))
        first, last = bisect_right(ends, stretch.start), bisect_left(starts, stretch.end)
        return [
            Interval(
                stretch.chrom,
                max(starts[i] - stretch.start, 0),
                min(ends[i], stretch.end) - stretch.start,
            )
            for i in range(first, last)
        ]
