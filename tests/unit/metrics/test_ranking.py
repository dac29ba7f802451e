from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from cistron.errors import InputError
from cistron.metrics.ranking import auroc, auroc_difference, auroc_interval


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_the_mann_whitney_statistic_over_all_pairs_with_ties(pairs: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([float(p[0]) for p in pairs]), np.array([p[1] for p in pairs])
    if positive.all() or not positive.any():
        return
    wins = mannwhitneyu(scores[positive], scores[~positive]).statistic
    np.testing.assert_allclose(auroc(scores, positive), wins / (positive.sum() * (~positive).sum()))


def test_perfect_reversed_and_constant_scores() -> None:
    positive = np.array([False, True, False, True])
    assert auroc(np.array([1.0, 3.0, 2.0, 4.0]), positive) == 1
    assert auroc(-np.array([1.0, 3.0, 2.0, 4.0]), positive) == 0
    assert auroc(np.zeros(4), positive) == 0.5


def _sample(count: int, shift: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    positive = random.random(count) < 0.3
    return random.normal(size=count) + shift * positive, positive


def test_the_interval_of_single_members_agrees_with_the_analytic_standard_error() -> None:
    scores, positive = _sample(1500, 1.0, 4)
    found = auroc_interval(scores, positive, np.arange(len(scores)))
    area, more, fewer = found.estimate, positive.sum(), (~positive).sum()
    # Hanley & McNeil 1982, equation 2, with Q1 = A / (2 − A) and Q2 = 2A² / (1 + A).
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (more - 1) * (first - area**2) + (fewer - 1) * (second - area**2)
    error = float(np.sqrt(variance / (more * fewer)))
    np.testing.assert_allclose(found.high - found.low, 2 * 1.96 * error, rtol=0.12)


def test_repeating_every_observation_leaves_the_grouped_interval_as_wide_as_it_was() -> None:
    scores, positive = _sample(400, 0.8, 5)
    once = auroc_interval(scores, positive, np.arange(400), seed=7)
    copies = np.repeat(np.arange(400), 3)
    grouped = auroc_interval(scores[copies], positive[copies], copies, seed=7)
    alone = auroc_interval(scores[copies], positive[copies], np.arange(1200), seed=7)
    np.testing.assert_allclose(grouped, once)
    assert alone.high - alone.low < 0.7 * (grouped.high - grouped.low)


def test_the_spacing_of_group_labels_does_not_matter() -> None:
    scores, positive = _sample(90, 0.5, 6)
    groups = np.arange(90) // 3
    assert auroc_interval(scores, positive, groups) == auroc_interval(scores, positive, groups * 10 + 5)


def test_the_paired_difference_of_near_twins_is_narrower_than_either_interval() -> None:
    scores, positive = _sample(600, 1.0, 8)
    groups = np.arange(600) // 2
    worse = scores + np.random.default_rng(9).normal(0, 0.2, 600)
    found = auroc_difference(scores, worse, positive, groups)
    one = auroc_interval(scores, positive, groups)
    np.testing.assert_allclose(found.estimate, auroc(scores, positive) - auroc(worse, positive))
    assert found.high - found.low < 0.5 * (one.high - one.low)
    assert auroc_difference(scores, scores, positive, groups) == (0, 0, 0)


@pytest.mark.parametrize(
    ("scores", "positive", "message"),
    [
        ([1.0, 2.0], [True, True], "2 of 2 are positive"),
        ([1.0, 2.0], [False, False], "0 of 2 are positive"),
        ([1.0, float("nan")], [True, False], "1 of 2 scores"),
    ],
)
def test_one_class_and_missing_scores_are_refused(
    scores: list[float], positive: list[bool], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        auroc(np.array(scores), np.array(positive))
