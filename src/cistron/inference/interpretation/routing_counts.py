"""How often each expert was chosen, and what that says of the classes of bases that were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from cistron.genome.sequence import ACGT

EVERY: Final = "all"
"""The class that every base belongs to."""

_FIRST_GIVEN: Final = 1 + len(ACGT)
"""Classes begin with `EVERY` and the four bases; behind them come those that the caller gave."""

Table = Float64[np.ndarray, "layers E classes"]


class BlockCounts(NamedTuple):
    """What was counted in one block.

    Attributes:
        chosen: Times that an expert was chosen.
        composition: Bases of each class that were read as A, C, G and T, on either strand.
        near_ties: Choices that rounding might turn, among all bases.
    """

    chosen: Int64[np.ndarray, "layers E classes"]
    composition: Int64[np.ndarray, "classes 4"]
    near_ties: Int64[np.ndarray, "layers"]


class Bounds(NamedTuple):
    """Lower and upper bound of every enrichment."""

    low: Table
    high: Table


@dataclass(frozen=True)
class RoutingCounts:
    """Choices of every router by class of base, in consecutive blocks of a region.

    Attributes:
        layers: Module names, first layer first.
        top_k: Experts that each token uses, by layer.
        classes: `EVERY`, A, C, G, T, and those that were given; a base may belong to several.
        chosen: As in `BlockCounts`.
        composition: As in `BlockCounts`.
        near_ties: As in `BlockCounts`.
        tolerance: Gap of logits below which a choice counts as a near-tie.
    """

    layers: tuple[str, ...]
    top_k: tuple[int, ...]
    classes: tuple[str, ...]
    chosen: Int64[np.ndarray, "blocks layers E classes"] = field(repr=False)
    composition: Int64[np.ndarray, "blocks classes 4"] = field(repr=False)
    near_ties: Int64[np.ndarray, "blocks layers"] = field(repr=False)
    tolerance: float

    @property
    def bases(self) -> Int64[np.ndarray, "classes"]:
        """Bases read of each class, on either strand."""
        total: Int64[np.ndarray, "classes"] = self.composition.sum(axis=(0, 2))
        return total

    @cached_property
    def shares(self) -> Table:
        """Part of a class's choices that falls on each expert; sums to 1 over experts, NaN without bases."""
        return self._shares(self._once)

    @cached_property
    def expected(self) -> Table:
        """The share to compare with: of all bases for A, C, G and T, else of bases composed like the class.

        Experts part by the base that is read; a class rich in G and C would differ for that reason alone.
        """
        return self._expected(self._once)

    @cached_property
    def enrichment(self) -> Table:
        """log2 of share over expected share; 0: no preference, −inf: never chosen there."""
        return _log2_ratio(self.shares, self.expected)

    @cached_property
    def specialisation(self) -> Float64[np.ndarray, "layers classes"]:
        """How far a class's use of experts is from the expected: 0 the same, 1 no expert in common.

        Source: total variation distance between two distributions.
        """
        apart: Float64[np.ndarray, "layers classes"] = np.abs(self.shares - self.expected).sum(axis=1) / 2
        return apart

    def bounds(self, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Bounds:
        """Interval of every enrichment, from drawing whole blocks with replacement; NaN without two blocks.

        Neighbouring bases route alike; blocks are nearly independent.

        Args:
            level: Coverage.
            resamples: Draws.
            seed: Of the draws.

        Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
        """
        blocks = len(self.chosen)
        if blocks < 2:
            nothing = np.full(self.shares.shape, np.nan)
            return Bounds(nothing, nothing)
        random = np.random.default_rng(seed)
        draws = []
        for _ in range(resamples):
            times = np.bincount(random.integers(blocks, size=blocks), minlength=blocks)
            draws.append(_log2_ratio(self._shares(times), self._expected(times)))
        return _quantiles(np.stack(draws), (1 - level) / 2)

    @property
    def _once(self) -> Int64[np.ndarray, "blocks"]:
        return np.ones(len(self.chosen), dtype=np.int64)

    def _shares(self, times: Int64[np.ndarray, "blocks"]) -> Table:
        """Shares when each block counts so many times."""
        chosen = np.tensordot(times, self.chosen, axes=1)
        bases = np.tensordot(times, self.composition, axes=1).sum(axis=1)
        choices = np.broadcast_to(np.array(self.top_k)[:, None, None] * bases, chosen.shape)
        unknown = np.full(chosen.shape, np.nan)
        shares: Table = np.divide(chosen, choices, out=unknown, where=choices > 0)
        return shares

    def _expected(self, times: Int64[np.ndarray, "blocks"]) -> Table:
        shares = self._shares(times)
        composition = np.tensordot(times, self.composition, axes=1)
        total = composition.sum(axis=1, keepdims=True)
        parts = np.divide(composition, total, out=np.full(composition.shape, np.nan), where=total > 0)
        matched: Table = np.nan_to_num(shares[..., 1:_FIRST_GIVEN]) @ parts.T
        matched[..., 1:_FIRST_GIVEN] = shares[..., :1]
        return matched


def _log2_ratio(shares: Table, expected: Table) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Table = np.log2(shares / expected)
    return ratio


def _quantiles(draws: Float64[np.ndarray, "R layers E classes"], tail: float) -> Bounds:
    """Order statistics of the draws that are known, since −inf cannot be interpolated."""
    ordered = np.sort(draws, axis=0)  # NaN comes last
    last = np.maximum((~np.isnan(draws)).sum(axis=0) - 1, 0)
    places = (np.rint(last * q).astype(np.int64)[None] for q in (tail, 1 - tail))
    low, high = (np.take_along_axis(ordered, place, axis=0)[0] for place in places)
    return Bounds(low, high)
