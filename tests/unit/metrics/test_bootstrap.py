from __future__ import annotations

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.metrics.bootstrap import ratio_interval


def test_the_interval_of_equal_blocks_is_the_mean_plus_minus_two_standard_errors() -> None:
    random = np.random.default_rng(1)
    totals, counts = random.normal(130, 10, 900), np.full(900, 100.0)
    found = ratio_interval(totals, counts, seed=3)
    error = totals.std() / 100 / np.sqrt(900)
    assert found.estimate == totals.sum() / counts.sum()
    np.testing.assert_allclose(found.low, found.estimate - 1.96 * error, atol=0.2 * error)
    np.testing.assert_allclose(found.high, found.estimate + 1.96 * error, atol=0.2 * error)


def test_blocks_weigh_by_their_size_and_the_seed_decides_the_draws() -> None:
    totals, counts = np.array([1.0, 30.0, 4.0]), np.array([1.0, 10.0, 4.0])
    found = ratio_interval(totals, counts, seed=5)
    assert found.estimate == 35 / 15
    assert found == ratio_interval(totals, counts, seed=5)
    assert found.low <= found.estimate <= found.high


def test_the_paired_difference_is_sure_where_the_two_intervals_overlap() -> None:
    random = np.random.default_rng(2)
    counts = random.integers(1, 50, 400).astype(float)
    hard = counts * random.normal(1.2, 0.2, 400)
    better = hard - counts * random.normal(0.01, 0.005, 400)
    one, other = ratio_interval(hard, counts), ratio_interval(better, counts)
    difference = ratio_interval(better - hard, counts)
    assert other.high > one.low
    assert difference.high < 0
    np.testing.assert_allclose(difference.estimate, other.estimate - one.estimate, atol=1e-12)


def test_blocks_that_count_nothing_are_drawn_but_never_divide_by_zero() -> None:
    found = ratio_interval(np.array([0.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0]))
    assert found == (1.5, 1.5, 1.5)


def test_a_ratio_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="none does"):
        ratio_interval(np.zeros(3), np.zeros(3))
