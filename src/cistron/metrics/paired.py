"""Are two models different on the same items? Classical tests, and what many of them at once are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cistron.errors import InputError


class Delong(NamedTuple):
    """Two areas under the ROC curve on the same items.

    Attributes:
        difference: First minus second.
        error: Standard error of the difference.
        p: Two-sided, of no difference; 1 where the scores rank alike.
    """

    difference: float
    error: float
    p: float


def delong(
    first: Float[np.ndarray, "N"], second: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]
) -> Delong:
    """Test whether two scores have the same area under the ROC curve; items must be independent.

    Raises:
        InputError: Everything is of one class.

    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; mid-ranks after Sun & Xu 2014, IEEE
        Signal Processing Letters 21:1389.
    """
    positive = np.asarray(positive, dtype=bool)
    if positive.all() or not positive.any():
        raise InputError("the test of DeLong needs items of both classes")
    hits, misses = zip(*(_placements(score, positive) for score in (first, second)), strict=True)
    difference = float(hits[0].mean() - hits[1].mean())
    variance = _variance_of_mean(hits[0] - hits[1]) + _variance_of_mean(misses[0] - misses[1])
    error = float(np.sqrt(variance))
    p = math.erfc(abs(difference) / error / math.sqrt(2)) if error > 0 else float(difference == 0)
    return Delong(difference, error, p)


def mcnemar(first_right: Bool[np.ndarray, "N"], second_right: Bool[np.ndarray, "N"]) -> float:
    """Exact two-sided p-value of two classifiers being right equally often; 1 where they never differ.

    Source: McNemar 1947, Psychometrika 12:153, with the binomial distribution for χ².
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((~first_right & second_right).sum())
    differ = only_first + only_second
    at_most = sum(math.comb(differ, k) for k in range(min(only_first, only_second) + 1))
    return min(2 * at_most / (1 << differ), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value adjusted for there being so many, so that all of them together err as one would.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, dtype=float)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return [float(p) for p in adjusted]


def _placements(
    scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]
) -> tuple[Float[np.ndarray, "P"], Float[np.ndarray, "M"]]:
    """For each positive the share of negatives below it, for each negative that of positives above it."""
    high, low = np.asarray(scores)[positive], np.asarray(scores)[~positive]
    ranks = _ranks(np.concatenate([high, low]))
    above = (ranks[: len(high)] - _ranks(high)) / len(low)
    below = 1 - (ranks[len(high) :] - _ranks(low)) / len(high)
    return above, below


def _ranks(values: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Ranks from 1, ties at their mean."""
    _, which, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(sizes) - (sizes - 1) / 2)[which])


def _variance_of_mean(values: Float[np.ndarray, "N"]) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0
