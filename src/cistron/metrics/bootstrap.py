"""Intervals by resampling blocks."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError

_DRAWS_AT_ONCE: Final = 64


class Interval(NamedTuple):
    """An estimate with its percentile interval."""

    estimate: float
    low: float
    high: float


def ratio_interval(
    totals: Float[np.ndarray, "N"],
    counts: Float[np.ndarray, "N"],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Sum of `totals` over sum of `counts`, such as nats per base, with a block-bootstrap interval.

    Neighbouring bases are not independent; blocks of them nearly are. So whole blocks are drawn, with
    replacement. Given the differences of two models' totals over the same counts, this is the interval of
    their paired difference, which is much narrower than those of the two: blocks that are hard for one model
    are hard for the other.

    Args:
        totals: Per block.
        counts: Per block; a block may have none.
        level: Coverage.
        resamples: Draws.
        seed: Of the draws; one seed draws the same blocks for every quantity.

    Raises:
        InputError: No block counts anything.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
    """
    if not counts.sum() > 0:
        raise InputError("a ratio needs at least one block that counts something; none does")
    random = np.random.default_rng(seed)
    ratios = []
    for begin in range(0, resamples, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, resamples - begin), len(totals)
        draws = random.integers(len(totals), size=size)
        above, below = totals[draws].sum(axis=1), counts[draws].sum(axis=1)
        ratios.append(np.divide(above, below, out=np.full(len(draws), np.nan), where=below > 0))
    return percentile_interval(float(totals.sum() / counts.sum()), np.concatenate(ratios), level)


def percentile_interval(estimate: float, draws: Float[np.ndarray, "R"], level: float) -> Interval:
    """The middle `level` of the resampled values around `estimate`; draws that are NaN are left out.

    Raises:
        InputError: Every draw is NaN.
    """
    known = draws[np.isfinite(draws)]
    if not len(known):
        raise InputError("no resample gave a value; there is too little data for an interval")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high))
