"""How well several marks, or classes, are told at once: a metric of each, and their mean.

One row an item and mark; a mark that all items have, or none, cannot be ranked and does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.metrics.blocks import Statistic
from cistron.metrics.ranking import auprc_of, auroc_of

_Scores = Float[np.ndarray, "N"]
_Positive = Bool[np.ndarray, "N"]


def macro_auroc_of(scores: _Scores, positive: _Positive, marks: NDArray[Any]) -> Statistic:
    """Mean over the marks of the area under the ROC curve of each.

    Raises:
        InputError: No mark has both kinds of items, or a score is not a number.
    """
    return _mean_over_marks(auroc_of, scores, positive, marks, weighted=False)


def weighted_auroc_of(scores: _Scores, positive: _Positive, marks: NDArray[Any]) -> Statistic:
    """The same mean, weighted by how many items have the mark, as gene-benchmark's `roc_auc_weighted`.

    Raises:
        InputError: No mark has both kinds of items, or a score is not a number.
    """
    return _mean_over_marks(auroc_of, scores, positive, marks, weighted=True)


def macro_auprc_of(scores: _Scores, positive: _Positive, marks: NDArray[Any]) -> Statistic:
    """Mean over the marks of the average precision of each.

    Raises:
        InputError: No mark has both kinds of items, or a score is not a number.
    """
    return _mean_over_marks(auprc_of, scores, positive, marks, weighted=False)


def one_against_rest_of(probabilities: Float[np.ndarray, "N K"], labels: Int[np.ndarray, "N"]) -> Statistic:
    """Mean over the classes of the area under the ROC curve of each against all others.

    Args:
        probabilities: Of each class, one row an item.
        labels: Number of each item's class.

    Raises:
        InputError: All items are of one class, or a probability is not a number.
    """
    classes = probabilities.shape[1]
    flat = np.tile(np.arange(classes), len(labels))
    positive = (labels[:, None] == np.arange(classes)).reshape(-1)
    per_mark = _mean_over_marks(auroc_of, probabilities.reshape(-1), positive, flat, weighted=False)
    return lambda weights: per_mark(np.repeat(weights, classes, axis=1))


def ranked_marks(positive: _Positive, marks: NDArray[Any]) -> list[Any]:
    """Marks that some items have and some have not, in order."""
    return [mark for mark in np.unique(marks) if len(np.unique(positive[marks == mark])) == 2]


def _mean_over_marks(
    metric: Callable[[_Scores, _Positive], Statistic],
    scores: _Scores,
    positive: _Positive,
    marks: NDArray[Any],
    *,
    weighted: bool,
) -> Statistic:
    known = ranked_marks(positive, marks)
    if not known:
        raise InputError("every mark is that of all items or of none; there is nothing to rank")
    rows = [np.flatnonzero(marks == mark) for mark in known]
    parts = [(each, metric(scores[each], positive[each])) for each in rows]

    def statistic(weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R"]:
        values = np.stack([part(weights[:, each]) for each, part in parts], axis=1)
        support = [weights[:, each] @ positive[each] for each in rows]
        share = np.stack(support, axis=1) if weighted else np.ones_like(values)
        share = np.where(np.isfinite(values), share, 0)
        return np.asarray((np.nan_to_num(values) * share).sum(axis=1) / share.sum(axis=1))

    return statistic
