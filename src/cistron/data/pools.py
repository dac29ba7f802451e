"""Pools of windows, and the choice between them: which window a few random numbers stand for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int, Int64

from cistron.errors import InputError
from cistron.genome import Interval


class Pool(Protocol):
    """All windows of one length that one source offers, each with a number."""

    def size(self, reverse: bool) -> int:
        """How many there are on one strand."""
        ...

    def accepts(self, number: int) -> bool:
        """Whether a window is worth learning from; another is drawn in its place otherwise."""
        ...

    def fill(
        self,
        number: int,
        reverse: bool,
        ids: Int64[np.ndarray, "L"],
        documents: Int64[np.ndarray, "L"] | None,
    ) -> None:
        """Write a window's token ids, and the numbers of its documents, into one row of a batch."""
        ...

    def places(self, number: int, reverse: bool) -> list[Interval]:
        """Where a window's bases come from, in reading order; the name of an interval is its source's."""
        ...


class Draw(NamedTuple):
    """A window: its pool, its number there and its strand."""

    pool: Pool
    number: int
    reverse: bool


@dataclass(frozen=True)
class Choice:
    """The pools of one length that hold a window, and how likely each is.

    Attributes:
        pools: One a source.
        ends: Cumulative probabilities on the plus strand and on the other.
    """

    pools: list[Pool]
    ends: tuple[list[float], list[float]]

    @classmethod
    def of(
        cls, pools: Sequence[Pool], groups: Int[np.ndarray, "P"], weights: Float[np.ndarray, "G"]
    ) -> Choice | None:
        """The choice by which groups of pools follow their weights, and all windows of a group are alike.

        A group without a window leaves its share to the others; None when none has one.
        """
        odds = np.array([_odds(pools, groups, weights, reverse) for reverse in (False, True)])
        if not odds.any(axis=1).all():
            return None
        kept = np.flatnonzero(odds.any(axis=0)).tolist()
        ends = cumulative(odds[0, kept]), cumulative(odds[1, kept])
        return cls([pools[number] for number in kept], ends)

    def draw(self, points: Float[np.ndarray, "4"], reverse_share: float) -> Draw:
        """The window that three numbers from [0, 1) stand for: its place, its strand and its pool."""
        reverse = bool(points[1] < reverse_share)
        pool = self.pools[bisect_right(self.ends[reverse], float(points[2]))]
        return Draw(pool, int(points[0] * pool.size(reverse)), reverse)


def cumulative(odds: Float[np.ndarray, "K"]) -> list[float]:
    """Cumulative probabilities, to be bisected; the last entry that is possible has no end."""
    ends = np.cumsum(odds / odds.sum())
    return list(np.where(ends < ends[-1], ends, np.inf))


def weight_groups(
    sources: Sequence[int], weights: Sequence[float] | None
) -> tuple[Int[np.ndarray, "S"], Float[np.ndarray, "G"]]:
    """For each source of all corpora the group that it shares a weight with, and the weights of groups.

    Args:
        sources: How many each corpus has.
        weights: One a corpus or one a source; None puts all into one group.

    Raises:
        InputError: The weights are neither, or negative, or all zero.
    """
    if weights is None:
        return np.zeros(sum(sources), dtype=int), np.ones(1)
    if len(weights) not in (len(sources), sum(sources)):
        raise InputError(
            f"{len(weights)} weights are given for {len(sources)} corpora with {sum(sources)} sources; give"
            " one for each corpus or one for each source"
        )
    if min(weights) < 0 or not max(weights) > 0:
        raise InputError(f"weights must not be negative and not all zero: {', '.join(map(str, weights))}")
    members = sources if len(weights) == len(sources) else [1] * len(weights)
    return np.repeat(np.arange(len(weights)), members), np.array(weights, dtype=float)


def _odds(
    pools: Sequence[Pool], groups: Int[np.ndarray, "P"], weights: Float[np.ndarray, "G"], reverse: bool
) -> Float[np.ndarray, "P"]:
    sizes = np.array([pool.size(reverse) for pool in pools], dtype=float)
    in_group = np.bincount(groups, sizes, minlength=len(weights))
    odds: Float[np.ndarray, "P"] = sizes * (weights / np.maximum(in_group, 1))[groups]
    return odds
