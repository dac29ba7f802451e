"""What probabilities are worth: ranking and calibration, each beside the others on the same alleles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float, Int

from cistron.metrics.blocks import Statistic, difference_of, interval_of
from cistron.metrics.ranking import auprc_of, auroc_of

BINS: Final = 10


def auroc_within(
    scores: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"], folds: Int[np.ndarray, "N"]
) -> Statistic:
    """AUROC over the pairs of a positive and a negative of one fold, as a function of weights.

    Pairs across folds would count against every head: where a fold has more positives than the others, its
    head learned from fewer and says lower probabilities.

    Args:
        scores: Higher should mean positive.
        positive: Which are.
        folds: The fold of each, whose scores come from one head.

    Source: Forman & Scholz 2010, SIGKDD Explorations 12:49 (AUROC averaged over folds, not pooled).
    """
    parts = [
        (rows, auroc_of(scores[rows], positive[rows]))
        for fold in np.unique(folds)
        if 0 < positive[rows := np.flatnonzero(folds == fold)].sum() < len(rows)
    ]

    def statistic(weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R"]:
        won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for rows, one in parts:
            own = weights[:, rows]
            count = own[:, positive[rows]].sum(axis=1) * own[:, ~positive[rows]].sum(axis=1)
            won += count * np.nan_to_num(one(own))
            pairs += count
        value: Float[np.ndarray, "R"] = np.divide(
            won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0
        )
        return value

    return statistic


def brier_of(probability: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"]) -> Statistic:
    """Mean squared distance of a probability from what happened, 0 at best, as a function of weights.

    Source: Brier 1950, Monthly Weather Review 78:1.
    """
    missed = np.square(probability - positive)
    return lambda weights: (weights @ missed) / weights.sum(axis=1)


def reliability(
    probability: Float[np.ndarray, "N"], positive: Bool[np.ndarray, "N"], bins: int = BINS
) -> list[dict[str, float]]:
    """By bins of equal width that hold anything: mean probability, share of positives, number of alleles."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return [
        {
            "said": float(probability[place == at].mean()),
            "found": float(positive[place == at].mean()),
            "count": int((place == at).sum()),
        }
        for at in range(bins)
        if (place == at).any()
    ]


def calibration_error(rows: Sequence[Mapping[str, float]]) -> float:
    """Mean distance between what `reliability` says and finds, weighted by alleles.

    Source: Naeini et al. 2015, AAAI (expected calibration error).
    """
    total = sum(row["count"] for row in rows)
    return sum(row["count"] * abs(row["said"] - row["found"]) for row in rows) / total


def measured(
    scores: Mapping[str, Float[np.ndarray, "N"]],
    positive: Bool[np.ndarray, "N"],
    groups: Sequence[Any],
    folds: Int[np.ndarray, "N"],
    *,
    head: str,
) -> dict[str, Any]:
    """Metrics of every contestant with 95 % intervals from drawing groups, and what `head` has more.

    Args:
        scores: By contestant, P(pathogenic) by heads that saw nothing of an allele's fold.
        positive: Which are pathogenic.
        groups: What belongs together.
        folds: Of each allele.
        head: The contestant whose differences from the others are told.
    """
    rows = {}
    for name, values in scores.items():
        bins = reliability(values, positive)
        found: dict[str, Any] = {
            "auroc": interval_of(auroc_within(values, positive, folds), groups)._asdict(),
            "auprc": interval_of(auprc_of(values, positive), groups)._asdict(),
            "brier": interval_of(brier_of(values, positive), groups)._asdict(),
            "calibration_error": calibration_error(bins),
            "reliability": bins,
        }
        if name != head:
            ours, theirs = (auroc_within(one, positive, folds) for one in (scores[head], values))
            difference, p = difference_of(ours, theirs, groups)
            found["head_minus"] = {**difference._asdict(), "p": p}
        rows[name] = found
    counts = {"alleles": len(positive), "pathogenic": int(positive.sum()), "groups": len(set(groups))}
    return {**counts, "rows": rows}
