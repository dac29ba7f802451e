"""What is said of bases that were not read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.inference.scoring.suffix import checked_suffix, missing


def test_nothing_is_missing_where_everything_was_read():
    assert missing(np.array([0.5, -0.3]), 0) == 0


def test_what_may_be_missing_is_unknown_where_no_base_was_scored():
    assert missing(np.array([]), 5) == math.inf
    assert missing(np.array([np.nan, np.nan]), 5) == math.inf


def test_the_estimate_covers_three_standard_deviations_of_a_walk():
    rng = np.random.default_rng(2)
    walks = rng.normal(0, 0.01, (4000, 400))
    estimates = np.array([missing(walk[:200], 200) for walk in walks])
    assert np.median(estimates) == pytest.approx(3 * 0.01 * math.sqrt(200), rel=0.02)
    held = np.abs(walks[:, 200:].sum(1)) <= estimates
    assert 0.99 < held.mean() < 1


def test_what_lies_in_the_first_half_and_bases_without_a_score_do_not_count():
    later = np.full(50, 0.02)
    plain = missing(np.concatenate((np.zeros(50), later)), 9)
    assert missing(np.concatenate((np.full(50, 7.0), later)), 9) == pytest.approx(plain)
    assert missing(np.concatenate((np.zeros(50), [np.nan], later)), 9) == pytest.approx(plain)
    assert plain == pytest.approx(3 * 0.02 * 3)


def test_differences_that_died_out_leave_nothing_to_miss():
    assert missing(np.concatenate((np.ones(64), np.zeros(64))), 10_000) == 0


@pytest.mark.parametrize("suffix", ["exact", "auto", 1, 512])
def test_a_rule_that_exists_is_taken_as_it_is(suffix):
    assert checked_suffix(suffix) == suffix


@pytest.mark.parametrize("suffix", ["half", "", 0, -3, 2.5, None])
def test_a_rule_that_does_not_exist_is_refused(suffix):
    with pytest.raises(InputError, match="give exact, auto or a positive number of bases behind the allele"):
        checked_suffix(suffix)
