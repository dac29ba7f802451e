"""Fit to one fold's training part and score its test part, by kind of task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from cistron.evals.genes.selection import Scoring

Outcomes = NDArray[Any]
Features = Float[np.ndarray, "N D"]


def score_fold(
    scoring: Scoring, model: Any, known: Features, outcomes: Outcomes, asked: Features, truth: Outcomes
) -> Mapping[str, float]:
    """Metric → value of a fold.

    Args:
        scoring: Kind of the task.
        model: An estimator that is not fitted.
        known: Features of the training part.
        outcomes: Of the training part.
        asked: Features of the test part.
        truth: Outcomes of the test part.
    """
    return _SCORES[scoring](model, known, outcomes, asked, truth)


def ranked_labels(outcomes: Outcomes, truth: Outcomes) -> Bool[np.ndarray, "L"]:
    """Which labels occur in both states in the training part and in the test part."""
    both = [[len(np.unique(column)) > 1 for column in part.T] for part in (outcomes, truth)]
    return np.array([seen and asked for seen, asked in zip(*both, strict=True)])


def _score_classes(
    model: Any, known: Features, outcomes: Outcomes, asked: Features, truth: Outcomes
) -> Mapping[str, float]:
    from sklearn import metrics

    model.fit(known, outcomes)
    said, chances = model.predict(asked), model.predict_proba(asked)
    options: dict[str, Any] = {"zero_division": 0}
    if outcomes.dtype == bool:
        ending, area = "", {"roc_auc": metrics.roc_auc_score(truth, chances[:, 1])}
    else:
        options["average"], ending = "weighted", "_weighted"
        value = metrics.roc_auc_score(truth, chances, multi_class="ovr", average="weighted")
        area = {"roc_auc_ovr_weighted": value}
    return area | {
        "accuracy": metrics.accuracy_score(truth, said),
        f"precision{ending}": metrics.precision_score(truth, said, **options),
        f"recall{ending}": metrics.recall_score(truth, said, **options),
        f"f1{ending}": metrics.f1_score(truth, said, **options),
    }


def _score_labels(
    model: Any, known: Features, outcomes: Outcomes, asked: Features, truth: Outcomes
) -> Mapping[str, float]:
    from sklearn import metrics

    chances = np.stack(list(_label_chances(model, known, outcomes, asked)), axis=1)
    said, ranked = chances >= 0.5, ranked_labels(outcomes, truth)
    options: dict[str, Any] = {"zero_division": 0, "average": "weighted"}
    area = np.nan
    if ranked.any():
        area = metrics.roc_auc_score(truth[:, ranked], chances[:, ranked], average="weighted")
    return {
        "roc_auc_weighted": area,
        "hamming_loss": metrics.hamming_loss(truth, said),
        "accuracy": metrics.accuracy_score(truth, said),
        "precision_weighted": metrics.precision_score(truth, said, **options),
        "recall_weighted": metrics.recall_score(truth, said, **options),
        "f1_weighted": metrics.f1_score(truth, said, **options),
    }


def _label_chances(
    model: Any, known: Features, outcomes: Outcomes, asked: Features
) -> Iterator[Float[np.ndarray, "T"]]:
    """Chance of each label; its share in the training part where that is all or nothing."""
    from sklearn.base import clone

    for column in outcomes.T:
        if len(np.unique(column)) < 2:
            yield np.full(len(asked), float(column.mean()))
        else:
            yield clone(model).fit(known, column).predict_proba(asked)[:, 1]


def _score_numbers(
    model: Any, known: Features, outcomes: Outcomes, asked: Features, truth: Outcomes
) -> Mapping[str, float]:
    from sklearn import metrics

    said = model.fit(known, outcomes).predict(asked)
    return {
        "r2": metrics.r2_score(truth, said),
        "neg_root_mean_squared_error": -metrics.root_mean_squared_error(truth, said),
        "neg_mean_absolute_error": -metrics.mean_absolute_error(truth, said),
    }


_SCORES: Final[Mapping[Scoring, Callable[..., Mapping[str, float]]]] = {
    "binary": _score_classes,
    "category": _score_classes,
    "multi": _score_labels,
    "regression": _score_numbers,
}
