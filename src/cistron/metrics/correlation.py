"""How well two series of numbers agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.metrics.blocks import Statistic

_Values = Float[np.ndarray, "N"]
_Weights = Float[np.ndarray, "R N"]


def spearman_of(first: _Values, second: _Values) -> Statistic:
    """Rank correlation, ties at their mean rank; NaN in a sample where one is constant.

    Raises:
        InputError: A value is not a number, or the lengths differ.
    """
    _require_pairs(first, second)
    return lambda weights: _pearson(_ranks(first, weights), _ranks(second, weights), weights)


def pearson_of(first: _Values, second: _Values) -> Statistic:
    """Linear correlation; NaN in a sample where one is constant.

    Raises:
        InputError: A value is not a number, or the lengths differ.
    """
    _require_pairs(first, second)
    return lambda weights: _pearson(first[None], second[None], weights)


def mean_of(values: _Values) -> Statistic:
    """Weighted mean of the values."""
    return lambda weights: weights @ values / weights.sum(axis=1)


def r2_of(predicted: _Values, truth: _Values) -> Statistic:
    """Share of the variance of `truth` that is explained; negative when its mean would have been nearer.

    NaN in a sample where `truth` is constant.

    Raises:
        InputError: A value is not a number, or the lengths differ.
    """
    _require_pairs(predicted, truth)

    def statistic(weights: _Weights) -> Float[np.ndarray, "R"]:
        middle = (weights @ truth / weights.sum(axis=1))[:, None]
        rest, spread = weights @ (truth - predicted) ** 2, (weights * (truth - middle) ** 2).sum(axis=1)
        found = np.full(len(weights), np.nan)
        np.divide(rest, spread, out=found, where=spread > 0)
        return np.asarray(1 - found)

    return statistic


def rmse_of(predicted: _Values, truth: _Values) -> Statistic:
    """Root of the mean squared error, in the unit of the values.

    Raises:
        InputError: A value is not a number, or the lengths differ.
    """
    _require_pairs(predicted, truth)
    squared = mean_of((predicted - truth) ** 2)
    return lambda weights: np.sqrt(squared(weights))


def mae_of(predicted: _Values, truth: _Values) -> Statistic:
    """Mean absolute error, in the unit of the values.

    Raises:
        InputError: A value is not a number, or the lengths differ.
    """
    _require_pairs(predicted, truth)
    return mean_of(np.abs(predicted - truth))


def _ranks(values: _Values, weights: _Weights) -> _Weights:
    """Mean rank of each item in the sample in which it occurs as often as its weight says."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(tied, axis=1) - tied / 2 + 0.5
    sizes = np.diff(np.append(starts, len(values)))
    ranks = np.empty_like(weights)
    ranks[:, order] = np.repeat(middle, sizes, axis=1)
    return ranks


def _pearson(first: _Weights, second: _Weights, weights: _Weights) -> Float[np.ndarray, "R"]:
    total = weights.sum(axis=1, keepdims=True)
    a = first - (weights * first).sum(axis=1, keepdims=True) / total
    b = second - (weights * second).sum(axis=1, keepdims=True) / total
    spread = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
    found = np.full(len(weights), np.nan)
    np.divide((weights * a * b).sum(axis=1), spread, out=found, where=spread > 0)
    return found


def _require_pairs(first: _Values, second: _Values) -> None:
    if len(first) != len(second):
        raise InputError(f"{len(first)} and {len(second)} values do not belong together")
    broken = ~(np.isfinite(first) & np.isfinite(second))
    if broken.any():
        raise InputError(f"{int(broken.sum())} of {len(first)} pairs hold something that is not a number")
