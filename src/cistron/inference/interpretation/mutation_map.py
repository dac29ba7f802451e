"""Scores of a region's substitutions as a matrix of bases by positions, for figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from cistron.genome import Interval, Reference
from cistron.genome.sequence import ACGT
from cistron.inference.score import VariantScore


@dataclass
class MutationMap:
    """Scores of a region's substitutions by position and base, on the plus strand; rows A, C, G, T.

    Attributes:
        chrom: Contig.
        start: First position, 0-based.
        bases: The reference there.
        llr: In nats; NaN for the reference's own base and where there is no score.
        deletions: llr of deleting each base; NaN where there is none.
    """

    chrom: str
    start: int
    bases: str
    llr: Float64[np.ndarray, "4 L"] = field(repr=False)
    deletions: Float64[np.ndarray, "L"] = field(repr=False)

    @classmethod
    def of(cls, reference: Reference, interval: Interval, scores: Iterable[VariantScore]) -> MutationMap:
        """Gather the scores that lie in `interval`."""
        bases = reference.fetch(interval.chrom, interval.start, interval.end)
        empty = np.full((5, len(bases)), np.nan)
        found = cls(interval.chrom, interval.start, bases, empty[:4], empty[4])
        for score in scores:
            found._put(score)
        return found

    def _put(self, score: VariantScore) -> None:
        variant, value = score.variant, np.nan if score.llr is None else score.llr
        if len(variant.ref) == 1:
            self._place(self.llr[ACGT.index(variant.alt)], variant.start, value)
            return
        if variant.alt == variant.ref[0]:
            self._place(self.deletions, variant.start + 1, value)
        if variant.start == 0 and variant.alt == variant.ref[1]:
            self._place(self.deletions, 0, value)

    def _place(self, row: Float64[np.ndarray, "L"], position: int, value: float) -> None:
        if self.start <= position < self.end:
            row[position - self.start] = value

    @property
    def end(self) -> int:
        """One past the last position, 0-based."""
        return self.start + len(self.bases)

    @property
    def importance(self) -> Float64[np.ndarray, "L"]:
        """−mean llr of each position's substitutions, in nats; NaN where none has a score.

        Positive: replacing the base makes the sequence less plausible. Of first-order estimates it is 4/3 of
        the gradient times the input, corrected for its mean.
        """
        scored = np.isfinite(self.llr)
        total = np.where(scored, self.llr, 0).sum(axis=0)
        count = scored.sum(axis=0)
        unknown = np.full(len(self.bases), np.nan)
        mean: Float64[np.ndarray, "L"] = np.divide(-total, count, out=unknown, where=count > 0)
        return mean

    def part(self, start: int, end: int) -> MutationMap:
        """Positions `start` to `end`, 0-based half-open."""
        columns = slice(start - self.start, end - self.start)
        return MutationMap(
            self.chrom, start, self.bases[columns], self.llr[:, columns], self.deletions[columns]
        )
