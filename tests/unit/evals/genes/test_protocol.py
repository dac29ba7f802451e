from __future__ import annotations

import math

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals.genes.protocol import cross_validated, mean_and_deviation, outcomes_of
from cistron.formats.gene_model_file import Component
from cistron.formats.gene_tasks import GeneTask

pytest.importorskip("sklearn")

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(60, 4))


def _task(outcomes: np.ndarray) -> GeneTask:
    cells = outcomes.reshape(len(outcomes), -1)
    columns = tuple(f"c{at}" for at in range(cells.shape[1]))
    rows = tuple((f"G{at}",) for at in range(len(outcomes)))
    return GeneTask("T", ("symbol",), rows, columns, tuple(tuple(map(str, row)) for row in cells.tolist()))


BINARY = _task(np.where(FEATURES[:, 0] > 0, "b", "a"))
NUMBERS = _task(np.round(FEATURES @ [1.0, -2.0, 0.5, 0.0], 6))
LABELS = _task((FEATURES[:, :3] > [0, 0.5, -0.5]).astype(int))


def test_what_features_tell_is_found_in_every_kind_of_task() -> None:
    classes = _task(np.where(FEATURES[:, 0] > 0.5, "high", np.where(FEATURES[:, 0] < -0.5, "low", "middle")))
    assert mean_and_deviation(cross_validated(FEATURES, BINARY, "binary").folds["roc_auc"])[0] > 0.95
    scores = cross_validated(FEATURES, classes, "category").folds
    assert mean_and_deviation(scores["roc_auc_ovr_weighted"])[0] > 0.85
    assert min(cross_validated(FEATURES, NUMBERS, "regression").folds["r2"]) > 0.999
    assert mean_and_deviation(cross_validated(FEATURES, LABELS, "multi").folds["roc_auc_weighted"])[0] > 0.95


def test_folds_depend_on_the_seed_and_on_nothing_else() -> None:
    first, again, other = (cross_validated(FEATURES, LABELS, "multi", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.folds["accuracy"] != other.folds["accuracy"]


def test_by_default_the_scale_of_a_feature_does_not_matter_and_with_compat_it_does() -> None:
    noisy = FEATURES + RANDOM.normal(size=FEATURES.shape)
    scaled = noisy * [1e-4, 1.0, 1.0, 1.0]
    plain, changed = (cross_validated(each, BINARY, "binary").folds for each in (noisy, scaled))
    np.testing.assert_allclose(plain["roc_auc"], changed["roc_auc"])
    plain, changed = (cross_validated(each, BINARY, "binary", compat=True).folds for each in (noisy, scaled))
    assert plain["roc_auc"] != changed["roc_auc"]


def test_labels_are_ranked_by_chance_and_with_compat_by_what_is_said() -> None:
    noisy = FEATURES + RANDOM.normal(size=FEATURES.shape)
    ranked = cross_validated(noisy, LABELS, "multi").folds["roc_auc_weighted"]
    said = cross_validated(noisy, LABELS, "multi", compat=True).folds["roc_auc_weighted"]
    assert mean_and_deviation(ranked)[0] > mean_and_deviation(said)[0] + 0.05


def test_a_label_that_a_fold_knows_in_one_state_is_left_out_and_counted_and_with_compat_fails() -> None:
    outcomes = np.column_stack([FEATURES[:, 0] > 0, np.arange(60) == 7]).astype(int)
    mended = cross_validated(FEATURES, _task(outcomes), "multi")
    assert all(math.isfinite(area) for area in mended.folds["roc_auc_weighted"])
    assert mended.notes == ("labels without both states, by fold: 1,1,1,1,1",)
    broken = cross_validated(FEATURES, _task(outcomes), "multi", compat=True)
    assert any(math.isnan(area) for area in broken.folds["roc_auc_weighted"])


def test_the_alphabetically_first_of_two_classes_is_the_positive_one() -> None:
    np.testing.assert_array_equal(outcomes_of(BINARY, "binary"), FEATURES[:, 0] <= 0)


def test_a_base_model_is_made_from_its_arguments_and_seeded() -> None:
    forest = Component("RandomForestClassifier", {"n_estimators": 3})
    first, again = (cross_validated(FEATURES, BINARY, "binary", base_model=forest) for _ in range(2))
    assert first == again
    assert "RandomForestClassifier(n_estimators=3, random_state=0)" in first.estimator


@pytest.mark.parametrize(
    ("task", "scoring", "base", "message"),
    [
        (BINARY, "category", None, "has 2 classes, which is no category task"),
        (BINARY, "regression", None, "is no regression task"),
        (BINARY, "multi", None, "is no multi task"),
        (LABELS, "binary", None, "is no binary task"),
        (BINARY, "binary", Component("LogisticRegresion"), "did you mean LogisticRegression"),
        (
            BINARY,
            "binary",
            Component("LogisticRegression", {"depth": 1}),
            "unexpected keyword argument 'depth'",
        ),
        (_task(np.array(["a"] * 57 + ["b"] * 3)), "binary", None, "class 'b' of task 'T' has 3 rows"),
        (_task(np.array([1.5, 2.5, 3.5])), "regression", None, "has 3 rows, fewer than its 5 folds"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    task: GeneTask, scoring: str, base: Component | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        cross_validated(FEATURES[: len(task)], task, scoring, base_model=base)  # type: ignore[arg-type]
