"""How well a score ranks: the area under the ROC curve, with intervals by resampling groups."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from cistron.errors import InputError
from cistron.metrics.blocks import Statistic
from cistron.metrics.bootstrap import Interval, percentile_interval

_DRAWS_AT_ONCE: Final = 64


def auroc(scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]) -> float:
    """Chance that a random positive scores above a random negative; a tie counts half.

    Args:
        scores: Higher should mean positive.
        positive: Which are.

    Raises:
        InputError: Everything is of one class, or a score is not a number.

    Source: Hanley & McNeil 1982, Radiology 143:29 (area under the curve = Mann-Whitney statistic).
    """
    _require_two_classes(scores, positive)
    return float(_weighted_auroc(scores, positive, np.ones((1, len(scores))))[0])


def auroc_interval(
    scores: Float[np.ndarray, "N"],
    positive: Bool[np.ndarray, "N"],
    groups: Int[np.ndarray, "N"],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """`auroc` with a percentile interval from drawing whole groups with replacement.

    The variants of one position share a window and a place in the protein; they are one observation more
    than three. Draws without a member of both classes say nothing and are left out.

    Args:
        scores: Higher should mean positive.
        positive: Which are.
        groups: Which belong together, any labels.
        level: Coverage.
        resamples: Draws.
        seed: Of the draws; one seed gives every score on the same data the same draws.

    Raises:
        InputError: Everything is of one class, or a score is not a number.
    """
    draws = _resampled_aurocs(scores, positive, groups, resamples, seed)
    return percentile_interval(auroc(scores, positive), draws, level)


def auroc_difference(
    scores: Float[np.ndarray, "N"],
    others: Float[np.ndarray, "N"],
    positive: Bool[np.ndarray, "N"],
    groups: Int[np.ndarray, "N"],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """AUROC of `scores` minus AUROC of `others` with a paired interval: both are judged on the same draws.

    Arguments and errors are those of `auroc_interval`.
    """
    first = _resampled_aurocs(scores, positive, groups, resamples, seed)
    second = _resampled_aurocs(others, positive, groups, resamples, seed)
    return percentile_interval(auroc(scores, positive) - auroc(others, positive), first - second, level)


def auroc_of(scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]) -> Statistic:
    """`auroc` as a function of weights, for `cistron.metrics.blocks`.

    Raises:
        InputError: Everything is of one class, or a score is not a number.
    """
    _require_two_classes(scores, positive)
    return lambda weights: _weighted_auroc(scores, positive, weights)


def auprc_of(scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]) -> Statistic:
    """Average precision: precision at each positive, from the highest score down; ties are one step.

    NaN in a sample without positives. Its value under chance is the share of positives, so state that beside.

    Raises:
        InputError: Everything is of one class, or a score is not a number.

    Source: average precision as in information retrieval; checked against `sklearn.metrics`.
    """
    _require_two_classes(scores, positive)
    return lambda weights: _weighted_auprc(scores, positive, weights)


def _require_two_classes(scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]) -> None:
    if not np.isfinite(scores).all():
        raise InputError(
            f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not numbers; leave them out"
        )
    if positive.all() or not positive.any():
        raise InputError(f"ranking needs both classes; {int(positive.sum())} of {len(positive)} are positive")


def _resampled_aurocs(
    scores: Float[np.ndarray, "N"],
    positive: Bool[np.ndarray, "N"],
    groups: Int[np.ndarray, "N"],
    resamples: int,
    seed: int,
) -> Float[np.ndarray, "R"]:
    """AUROC of every draw of groups; NaN where a class is missing."""
    _require_two_classes(scores, positive)
    random = np.random.default_rng(seed)
    members, member_of = np.unique(groups, return_inverse=True)
    even = np.full(len(members), 1 / len(members))
    parts = []
    for begin in range(0, resamples, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, resamples - begin)
        times = random.multinomial(len(members), even, size=size)
        parts.append(_weighted_auroc(scores, positive, times[:, member_of].astype(float)))
    return np.concatenate(parts)


def _weighted_auroc(
    scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R"]:
    """AUROC under each row of weights, ties counted half; NaN where a class has no weight."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    ties = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    positives = np.add.reduceat(weights[:, order] * positive[order], ties, axis=1)
    negatives = np.add.reduceat(weights[:, order] * ~positive[order], ties, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives
    wins = (positives * (below + negatives / 2)).sum(axis=1)
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    areas = np.full(len(weights), np.nan)
    np.divide(wins, pairs, out=areas, where=pairs > 0)
    return areas


def _weighted_auprc(
    scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R"]:
    """Average precision under each row of weights; NaN where there is no positive."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ties = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    positives = np.add.reduceat(weights[:, order] * positive[order], ties, axis=1)
    said = np.cumsum(np.add.reduceat(weights[:, order], ties, axis=1), axis=1)
    right = np.cumsum(positives, axis=1)
    precision = np.divide(right, said, out=np.zeros_like(said), where=said > 0)
    total = positives.sum(axis=1)
    found = np.full(len(weights), np.nan)
    np.divide((positives * precision).sum(axis=1), total, out=found, where=total > 0)
    return found
