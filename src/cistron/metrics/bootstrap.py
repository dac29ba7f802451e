"""Intervals by resampling blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


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
    replacement.

    Args:
        totals: Per block.
        counts: Per block.
        level: Coverage.
        resamples: Draws.
        seed: Of the draws.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
    """
    random = np.random.default_rng(seed)
    draws = random.integers(len(totals), size=(resamples, len(totals)))
    ratios = totals[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(totals.sum() / counts.sum()), float(low), float(high))
