from __future__ import annotations

import numpy as np

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
