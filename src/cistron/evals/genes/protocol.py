"""gene-benchmark's protocol: five folds, a plain scikit-learn estimator, scores; its flaws mended or kept.

By default folds are seeded, features are standardised inside each fold, the AUROC of labels is that of their
probabilities, and labels that a fold knows in one state alone are left out of it and counted. With `compat`
all of this is as gene-benchmark has it, but for the seed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.genes.fold_scores import Features, ranked_labels, score_fold
from cistron.evals.genes.selection import Scoring
from cistron.evals.probing.estimators import require_scikit_learn
from cistron.formats.gene_model_file import Component
from cistron.formats.gene_tasks import GeneTask
from cistron.registry import unknown

METRICS: Final[Mapping[Scoring, tuple[str, ...]]] = {
    "binary": ("roc_auc", "accuracy", "precision", "recall", "f1"),
    "category": ("roc_auc_ovr_weighted", "accuracy", "precision_weighted", "recall_weighted", "f1_weighted"),
    "multi": (
        "roc_auc_weighted", "hamming_loss",
        "accuracy", "precision_weighted", "recall_weighted", "f1_weighted",
    ),
    "regression": ("r2", "neg_root_mean_squared_error", "neg_mean_absolute_error"),
}  # fmt: skip
"""Columns of gene-benchmark's report for each kind of task."""

FOLDS: Final = 5
STEPS: Final = 5000

_ESTIMATORS: Final[Mapping[str, tuple[str, str]]] = {
    "LogisticRegression": ("sklearn.linear_model", "LogisticRegression"),
    "LinearRegression": ("sklearn.linear_model", "LinearRegression"),
    "RandomForestClassifier": ("sklearn.ensemble", "RandomForestClassifier"),
    "RandomForestRegressor": ("sklearn.ensemble", "RandomForestRegressor"),
    "Multilayer_Perceptron_classifier": ("sklearn.neural_network", "MLPClassifier"),
    "Multilayer_Perceptron_regressor": ("sklearn.neural_network", "MLPRegressor"),
}
"""Name in a model file → module and class."""


@dataclass(frozen=True)
class Scores:
    """What came out of the folds.

    Attributes:
        estimator: The fitted estimator, as text.
        folds: Metric → value of each fold.
        notes: What was left out of which fold.
    """

    estimator: str
    folds: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...] = field(default=())


def cross_validated(
    features: Features,
    task: GeneTask,
    scoring: Scoring,
    *,
    base_model: Component | None = None,
    seed: int = 0,
    compat: bool = False,
) -> Scores:
    """Fit and score in five folds.

    Args:
        features: One row for each of the task's.
        task: Rows with outcomes.
        scoring: Kind of the task.
        base_model: What is fitted; None is a logistic regression, of numbers a linear one.
        seed: Of the folds, and of estimators that draw.
        compat: Keep gene-benchmark's flaws.

    Raises:
        InputError: The outcomes are not of that kind, a class has fewer rows than there are folds, or the
            estimator is unknown.
        MissingExtraError: scikit-learn is not installed.
    """
    require_scikit_learn()
    outcomes = outcomes_of(task, scoring)
    if not compat:
        _require_members(task, scoring)
    model = _estimator(scoring, base_model, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = _compatible if compat else _mended
        return scores(model, features, outcomes, scoring, seed)


def outcomes_of(task: GeneTask, scoring: Scoring) -> NDArray[Any]:
    """Outcomes as an estimator takes them; of two classes the alphabetically first is the positive one.

    Raises:
        InputError: They are not of that kind.
    """
    cells = np.array(task.outcomes)
    try:
        if scoring == "multi":
            return _zeros_and_ones(cells.astype(float))
        if len(task.columns) > 1:
            raise ValueError
        if scoring == "regression":
            return cells[:, 0].astype(float)
    except ValueError:
        raise InputError(
            f"task '{task.name}' is no {scoring} task: its outcomes are {', '.join(task.outcomes[0][:3])}, …"
        ) from None
    classes = np.unique(cells)
    if len(classes) < 2 or (scoring == "binary") != (len(classes) == 2):
        raise InputError(
            f"task '{task.name}' has {len(classes)} classes, which is no {scoring} task; see --scoring-type"
        )
    return cells[:, 0] == classes[0] if scoring == "binary" else cells[:, 0]


def _zeros_and_ones(labels: Float[np.ndarray, "N L"]) -> NDArray[Any]:
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels are 0 or 1")
    return labels.astype(int)


def _require_members(task: GeneTask, scoring: Scoring) -> None:
    """Return silently when every fold can have a row of every class."""
    if len(task) < FOLDS:
        raise InputError(f"task '{task.name}' has {len(task)} rows, fewer than its {FOLDS} folds")
    if scoring in ("binary", "category"):
        classes, counts = np.unique([row[0] for row in task.outcomes], return_counts=True)
        if counts.min() < FOLDS:
            name = classes[counts.argmin()]
            raise InputError(
                f"class '{name}' of task '{task.name}' has {counts.min()} rows, fewer than its {FOLDS} folds;"
                " leave it out with --multi-class-th"
            )


def _estimator(scoring: Scoring, base_model: Component | None, seed: int) -> Any:
    from importlib import import_module

    from sklearn.linear_model import LinearRegression, LogisticRegression

    if base_model is None:
        return LinearRegression() if scoring == "regression" else LogisticRegression(max_iter=STEPS)
    if base_model.class_name not in _ESTIMATORS:
        raise InputError(unknown("base model", base_model.class_name, _ESTIMATORS))
    module, name = _ESTIMATORS[base_model.class_name]
    try:
        model = getattr(import_module(module), name)(**base_model.class_args)
    except TypeError as problem:
        raise InputError(f"base model {base_model.class_name}: {problem}") from None
    if model.get_params().get("random_state", seed) is None:
        model.set_params(random_state=seed)
    return model


def _folds(scoring: Scoring, seed: int) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold

    stratified = scoring in ("binary", "category")
    return (StratifiedKFold if stratified else KFold)(FOLDS, shuffle=True, random_state=seed)


def _compatible(
    model: Any, features: Features, outcomes: NDArray[Any], scoring: Scoring, seed: int
) -> Scores:
    """As gene-benchmark: no scaling, labels ranked by their hard predictions, failed folds are NaN."""
    from sklearn import metrics
    from sklearn.model_selection import cross_validate
    from sklearn.multioutput import MultiOutputClassifier

    asked: Any = METRICS[scoring]
    if scoring == "multi":
        model = MultiOutputClassifier(model)
        of_labels = {
            "roc_auc_weighted": (metrics.roc_auc_score, {"average": "weighted"}),
            "hamming_loss": (metrics.hamming_loss, {}),
            "accuracy": (metrics.accuracy_score, {}),
            "precision_weighted": (metrics.precision_score, {"average": "weighted"}),
            "recall_weighted": (metrics.recall_score, {"average": "weighted"}),
            "f1_weighted": (metrics.f1_score, {"average": "weighted"}),
        }
        asked = {name: metrics.make_scorer(score, **more) for name, (score, more) in of_labels.items()}
    found = cross_validate(model, features, outcomes, cv=_folds(scoring, seed), scoring=asked)
    values = {name: tuple(map(float, found[f"test_{name}"])) for name in METRICS[scoring]}
    return Scores(str(model), values)


def _mended(model: Any, features: Features, outcomes: NDArray[Any], scoring: Scoring, seed: int) -> Scores:
    """Features standardised in each fold, labels ranked by their chances, what cannot be ranked left out."""
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, lost = [], []
    for train, test in _folds(scoring, seed).split(features, outcomes):
        known, truth = outcomes[train], outcomes[test]
        pipeline = make_pipeline(StandardScaler(), clone(model))
        rows.append(score_fold(scoring, pipeline, features[train], known, features[test], truth))
        lost.append(int((~ranked_labels(known, truth)).sum()) if scoring == "multi" else 0)
    values = {name: tuple(float(row[name]) for row in rows) for name in METRICS[scoring]}
    notes = (f"labels without both states, by fold: {','.join(map(str, lost))}",) if any(lost) else ()
    return Scores(f"StandardScaler(), {model}", values, notes)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean over folds and their deviation (of the folds as a population, as gene-benchmark reports it)."""
    return float(np.mean(values)), float(np.std(values))
