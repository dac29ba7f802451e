from __future__ import annotations

import numpy as np
import pytest

from cistron.metrics.discovery import benjamini_hochberg, negative_binomial_tail, poisson_tail

stats = pytest.importorskip("scipy.stats")


def test_rates_agree_with_scipy() -> None:
    p = np.random.default_rng(0).random(200) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_a_tail_is_the_chance_of_so_many_or_more() -> None:
    counts = np.array([0, 1, 5])
    mass = stats.poisson.pmf(np.arange(100), 2.5)
    np.testing.assert_allclose(poisson_tail(counts, 2.5), [1, 1 - mass[0], mass[5:].sum()])


def test_wide_counts_are_less_surprising_and_narrow_ones_are_poisson() -> None:
    counts = np.arange(30, 60)
    assert (negative_binomial_tail(counts, 20, 60) > poisson_tail(counts, 20)).all()
    np.testing.assert_array_equal(negative_binomial_tail(counts, 20, 15), poisson_tail(counts, 20))
    draws = np.random.default_rng(1).negative_binomial(10, 1 / 3, size=200_000)  # mean 20, variance 60
    found = negative_binomial_tail(np.array([35]), 20, 60)[0]
    assert found == pytest.approx((draws >= 35).mean(), rel=0.03)


def test_among_counts_of_one_law_few_windows_are_called() -> None:
    counts = np.random.default_rng(2).poisson(60, size=400)
    assert (benjamini_hochberg(poisson_tail(counts, counts.mean())) < 0.05).sum() <= 1
    counts[:20] += 60
    called = benjamini_hochberg(poisson_tail(counts, counts.mean())) < 0.05
    assert called[:20].all()
    assert called[20:].sum() <= 2
