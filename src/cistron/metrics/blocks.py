"""Intervals of any statistic that knows what weights are, by drawing whole blocks with replacement.

What belongs together (the variants of a gene, the windows of a chromosome) is drawn together. A statistic is
a function of weights: how often each item is in the sample. Two models judged under the same weights give the
interval of their difference, which is much narrower than those of the two.

Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, sections 8.5 (blocks), 13.3 (percentiles).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.metrics.bootstrap import Interval, percentile_interval

Statistic = Callable[[Float[np.ndarray, "R N"]], Float[np.ndarray, "R"]]
"""Weights of the items, one row a sample → its value in each sample; NaN where there is none."""

_CELLS_AT_ONCE: Final = 1 << 22


def value_of(statistic: Statistic, items: int) -> float:
    """The statistic of the items as they are.

    Raises:
        InputError: There are no items.
    """
    if not items:
        raise InputError("there are no items to measure anything on")
    return float(statistic(np.ones((1, items)))[0])


def interval_of(
    statistic: Statistic,
    groups: NDArray[Any] | Sequence[Any],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """The statistic with its percentile interval.

    Args:
        statistic: Of as many items as there are groups.
        groups: The block that each item belongs to; all different for independent items.
        level: Coverage.
        resamples: Draws; those without a value are left out.
        seed: Of the draws; one seed draws the same blocks for every statistic.

    Raises:
        InputError: There are no items, or too few for an interval.
    """
    draws = np.concatenate([statistic(weights) for weights in _weights(groups, resamples, seed)])
    return percentile_interval(value_of(statistic, len(groups)), draws, level)


def difference_of(
    first: Statistic,
    second: Statistic,
    groups: NDArray[Any] | Sequence[Any],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Interval, float]:
    """`first` minus `second` on the same items, and the two-sided p-value of no difference.

    Arguments and errors are those of `interval_of`. The p-value is twice the share of draws beyond zero, at
    least 1 / `resamples`.
    """
    parts = [first(weights) - second(weights) for weights in _weights(groups, resamples, seed)]
    draws = np.concatenate(parts)
    estimate = value_of(first, len(groups)) - value_of(second, len(groups))
    known = draws[np.isfinite(draws)]
    below = min(float((known <= 0).mean()), float((known >= 0).mean())) if len(known) else 1.0
    return percentile_interval(estimate, draws, level), min(max(2 * below, 1 / resamples), 1.0)


def _weights(
    groups: NDArray[Any] | Sequence[Any], resamples: int, seed: int
) -> Iterator[Float[np.ndarray, "R N"]]:
    """How often each item is drawn, a few draws at a time."""
    random = np.random.default_rng(seed)
    members, member_of = np.unique(np.asarray(groups), return_inverse=True)
    even = np.full(len(members), 1 / max(len(members), 1))
    at_once = max(_CELLS_AT_ONCE // max(len(member_of), 1), 1)
    for begin in range(0, resamples, at_once):
        times = random.multinomial(len(members), even, size=min(at_once, resamples - begin))
        yield times[:, member_of].astype(np.float64)
