"""What probabilities are worth: known values."""

from __future__ import annotations

import numpy as np
import pytest

from cistron.metrics.ranking import auroc_of
from cistron.training.pathogenicity.measure import (
    auroc_within,
    brier_of,
    calibration_error,
    measured,
    reliability,
)


def test_the_brier_score_is_the_mean_squared_miss():
    said, positive = np.array([0.9, 0.2, 0.5]), np.array([True, False, True])
    wanted = (0.1**2 + 0.2**2 + 0.5**2) / 3
    assert brier_of(said, positive)(np.ones((1, 3)))[0] == pytest.approx(wanted)
    assert brier_of(said, positive)(np.array([[2.0, 0.0, 0.0]]))[0] == pytest.approx(0.01)


def test_reliability_counts_by_bin_and_knows_its_error():
    said = np.array([0.05, 0.05, 0.95, 1.0])
    rows = reliability(said, np.array([False, True, True, True]))
    assert [(row["count"], row["found"]) for row in rows] == [(2, 0.5), (2, 1.0)]
    assert calibration_error(rows) == pytest.approx((2 * 0.45 + 2 * 0.025) / 4)


def test_probabilities_that_hold_have_no_calibration_error():
    draw = np.random.default_rng(0)
    said = draw.random(200_000)
    assert calibration_error(reliability(said, draw.random(200_000) < said)) < 0.005


def test_ranks_count_within_folds_alone():
    folds = np.array([0, 0, 0, 1, 1, 1])
    positive = np.array([True, True, False, True, False, False])
    # Within each fold every positive is first; across folds most negatives of the second are before those.
    scores = np.array([0.2, 0.3, 0.1, 0.9, 0.8, 0.7])
    once = np.ones((1, 6))
    assert auroc_within(scores, positive, folds)(once)[0] == 1
    assert auroc_of(scores, positive)(once)[0] < 0.6
    assert np.isnan(auroc_within(scores, positive, folds)(np.array([[1, 1, 0, 1, 0, 0.0]])))[0]


def test_one_fold_is_the_usual_area():
    draw = np.random.default_rng(2)
    scores, positive, weights = draw.random(50), draw.random(50) < 0.4, draw.integers(0, 3, (5, 50)) * 1.0
    within = auroc_within(scores, positive, np.zeros(50, dtype=int))(weights)
    assert np.allclose(within, auroc_of(scores, positive)(weights))


def test_a_fold_of_one_class_says_nothing():
    folds, positive = np.array([0, 0, 1, 1]), np.array([True, True, True, False])
    scores = np.array([0.0, 0.0, 0.6, 0.4])
    assert auroc_within(scores, positive, folds)(np.ones((1, 4)))[0] == 1


def test_the_head_is_compared_with_each_other_row_on_the_same_draws():
    draw = np.random.default_rng(1)
    positive = draw.random(200) < 0.5
    good = np.clip(positive * 0.4 + draw.random(200) * 0.6, 0, 1)
    scores = {"head": good, "same": good, "noise": draw.random(200)}
    found = measured(scores, positive, list(range(200)), np.arange(200) % 3, head="head")
    rows = found["rows"]
    assert rows["same"]["head_minus"]["low"] == rows["same"]["head_minus"]["high"] == 0
    assert rows["noise"]["head_minus"]["low"] > 0
    assert "head_minus" not in rows["head"]
    assert (found["alleles"], found["pathogenic"]) == (200, int(positive.sum()))
