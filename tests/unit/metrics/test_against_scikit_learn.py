"""Every metric of a long table against scikit-learn and scipy, weights included."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.metrics.blocks import Statistic, difference_of, interval_of, value_of
from cistron.metrics.classes import accuracy_of, f1_of, mcc_of
from cistron.metrics.correlation import mae_of, pearson_of, r2_of, rmse_of, spearman_of
from cistron.metrics.marks import (
    macro_auprc_of,
    macro_auroc_of,
    one_against_rest_of,
    weighted_auroc_of,
)
from cistron.metrics.ranking import auprc_of, auroc_of

sklearn_metrics = pytest.importorskip("sklearn.metrics")
scipy_stats = pytest.importorskip("scipy.stats")


@pytest.fixture(params=range(3))
def random(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def _sample(random: np.random.Generator, size: int = 200) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    positive = random.random(size) < 0.3
    return np.round(random.normal(size=size) + positive, 1), positive  # rounding makes ties


def _drawn(statistic: Statistic, weights: NDArray[np.int64]) -> float:
    return float(statistic(weights[None].astype(float))[0])


def test_ranking_agrees_with_scikit_learn_on_ties_and_under_weights(random: np.random.Generator) -> None:
    scores, positive = _sample(random)
    weights = random.multinomial(200, np.full(200, 1 / 200))
    again = np.repeat(np.arange(200), weights)
    for mine, theirs in (
        (auroc_of(scores, positive), sklearn_metrics.roc_auc_score),
        (auprc_of(scores, positive), sklearn_metrics.average_precision_score),
    ):
        assert value_of(mine, 200) == pytest.approx(theirs(positive, scores), abs=1e-12)
        assert _drawn(mine, weights) == pytest.approx(theirs(positive[again], scores[again]), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 5])
def test_classification_agrees_with_scikit_learn_under_weights(
    random: np.random.Generator, classes: int
) -> None:
    truth = random.integers(classes, size=150)
    said = np.where(random.random(150) < 0.6, truth, random.integers(classes, size=150))
    weights = random.multinomial(150, np.full(150, 1 / 150))
    again = np.repeat(np.arange(150), weights)
    t, s = truth[again], said[again]
    assert _drawn(accuracy_of(truth, said), weights) == pytest.approx(sklearn_metrics.accuracy_score(t, s))
    assert _drawn(mcc_of(truth, said), weights) == pytest.approx(sklearn_metrics.matthews_corrcoef(t, s))
    macro = sklearn_metrics.f1_score(t, s, average="macro", zero_division=0)
    assert _drawn(f1_of(truth, said), weights) == pytest.approx(macro)


def test_correlations_agree_with_scipy_on_ties_and_under_weights(random: np.random.Generator) -> None:
    a = np.round(random.normal(size=120), 1)
    b = np.round(a + random.normal(size=120), 1)
    weights = random.multinomial(120, np.full(120, 1 / 120))
    again = np.repeat(np.arange(120), weights)
    for mine, theirs in (
        (spearman_of(a, b), scipy_stats.spearmanr),
        (pearson_of(a, b), scipy_stats.pearsonr),
    ):
        assert value_of(mine, 120) == pytest.approx(theirs(a, b).statistic, abs=1e-12)
        assert _drawn(mine, weights) == pytest.approx(theirs(a[again], b[again]).statistic, abs=1e-12)


def test_mcc_of_a_constant_prediction_is_zero_and_not_a_warning() -> None:
    assert value_of(mcc_of([0, 1, 1, 0], [1, 1, 1, 1]), 4) == 0.0


def test_the_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    right = np.random.default_rng(1).random(400) < 0.8
    found = interval_of(accuracy_of(np.ones(400), right.astype(float)), np.arange(400), resamples=4000)
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert found.estimate == right.mean()
    assert found.high - found.low == pytest.approx(2 * half, rel=0.08)


def test_blocks_widen_the_interval_of_items_that_repeat_one_another() -> None:
    values = np.repeat(np.random.default_rng(2).random(20) < 0.5, 20).astype(float)
    alone = interval_of(accuracy_of(np.ones(400), values), np.arange(400))
    blocks = interval_of(accuracy_of(np.ones(400), values), np.repeat(np.arange(20), 20))
    assert blocks.high - blocks.low > 3 * (alone.high - alone.low)


def test_a_difference_of_equals_is_zero_with_p_one() -> None:
    scores, positive = _sample(np.random.default_rng(3))
    statistic = auroc_of(scores, positive)
    interval, p = difference_of(statistic, statistic, np.arange(200))
    assert (interval.estimate, interval.low, interval.high, p) == (0, 0, 0, 1)


def test_the_same_seed_gives_the_same_interval_and_another_one_not() -> None:
    statistic = auroc_of(*_sample(np.random.default_rng(4)))
    one, same, other = (interval_of(statistic, np.arange(200), seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="both classes"):
        auprc_of(np.ones(3), np.ones(3, dtype=bool))
    with pytest.raises(InputError, match="1 of 3 scores"):
        auroc_of(np.array([1, 2, np.nan]), np.array([True, False, True]))
    with pytest.raises(InputError, match="3 labels and 2 predictions"):
        accuracy_of([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="1 of 2 pairs"):
        spearman_of(np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    with pytest.raises(InputError, match="no items"):
        value_of(accuracy_of([], []), 0)


def test_errors_of_numbers_agree_with_scikit_learn_under_weights(random: np.random.Generator) -> None:
    truth = random.normal(size=150) * 3
    told = truth + random.normal(size=150)
    weights = random.multinomial(150, np.full(150, 1 / 150))
    again = np.repeat(np.arange(150), weights)
    for mine, theirs in (
        (r2_of, sklearn_metrics.r2_score),
        (rmse_of, sklearn_metrics.root_mean_squared_error),
        (mae_of, sklearn_metrics.mean_absolute_error),
    ):
        assert _drawn(mine(told, truth), weights) == pytest.approx(theirs(truth[again], told[again]))


def test_marks_agree_with_scikit_learn_and_those_of_all_items_do_not_count(
    random: np.random.Generator,
) -> None:
    truth = (random.random((80, 4)) < (0.2, 0.5, 0.7, 1.1)).astype(int)
    scores = np.round(truth + random.normal(size=truth.shape), 1)
    marks = np.tile(np.arange(4), 80)
    flat = scores.reshape(-1), truth.reshape(-1) == 1, marks
    ones = np.ones(len(marks), dtype=int)
    ranked = truth[:, :3], scores[:, :3]
    expected = sklearn_metrics.roc_auc_score(*ranked, average="macro")
    assert _drawn(macro_auroc_of(*flat), ones) == pytest.approx(expected)
    expected = sklearn_metrics.roc_auc_score(*ranked, average="weighted")
    assert _drawn(weighted_auroc_of(*flat), ones) == pytest.approx(expected)
    expected = sklearn_metrics.average_precision_score(*ranked, average="macro")
    assert _drawn(macro_auprc_of(*flat), ones) == pytest.approx(expected)
    labels = random.integers(3, size=80)
    told = np.exp(random.normal(size=(80, 3)) + np.eye(3)[labels])
    told /= told.sum(axis=1, keepdims=True)
    expected = sklearn_metrics.roc_auc_score(labels, told, multi_class="ovr", average="macro")
    assert value_of(one_against_rest_of(told, labels), 80) == pytest.approx(expected)
    with pytest.raises(InputError, match="every mark is that of all items or of none"):
        macro_auroc_of(scores[:, 3], truth[:, 3] == 1, np.zeros(80))
