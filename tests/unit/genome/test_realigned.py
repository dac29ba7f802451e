"""Alternative signal in reference coordinates: nothing is lost, and bases stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.genome.realigned import realigned

TRACK = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])


def test_a_substitution_changes_nothing():
    assert realigned(TRACK, 2, 1, 1).tolist() == TRACK.tolist()


def test_deleted_bases_have_no_signal():
    assert realigned(TRACK, 2, 3, 0).tolist() == [[1, 2, 0, 0, 0, 3, 4, 5, 6]]


def test_inserted_bases_are_added_to_the_base_before():
    assert realigned(TRACK, 2, 0, 3).tolist() == [[1, 2 + 3 + 4 + 5, 6]]


def test_an_insertion_at_the_start_is_added_to_the_base_behind():
    assert realigned(TRACK, 0, 0, 2).tolist() == [[3 + 1 + 2, 4, 5, 6]]


def test_a_replacement_maps_base_by_base_and_then_as_an_indel():
    assert realigned(TRACK, 1, 1, 3).tolist() == [[1, 2 + 3 + 4, 5, 6]]
    assert realigned(TRACK, 1, 3, 1).tolist() == [[1, 2, 0, 0, 3, 4, 5, 6]]


@given(
    before=st.integers(0, 9),
    ref=st.integers(0, 9),
    alt=st.integers(0, 9),
    behind=st.integers(1, 9),
    tracks=st.integers(1, 3),
)
def test_length_is_that_of_the_reference_and_totals_are_kept(before, ref, alt, behind, tracks):
    signal = np.random.default_rng(1).random((tracks, before + alt + behind))
    found = realigned(signal, before, ref, alt)
    assert found.shape == (tracks, before + ref + behind)
    assert found.sum(axis=1) == pytest.approx(signal.sum(axis=1))
    assert (
        found[:, before + ref + (before == 0) :].tolist()
        == signal[:, before + alt + (before == 0) :].tolist()
    )
