"""Sliding windows, against the same windows cut from the whole sequence."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import WindowError
from cistron.genome.sliding import slide


def windows(text: str, window: int, stride: int) -> list[tuple[int, str]]:
    if len(text) <= window:
        return [(0, text)] if text else []
    starts = list(range(0, len(text) - window + 1, stride))
    if starts[-1] + window < len(text):
        starts.append(len(text) - window)
    return [(start, text[start : start + window]) for start in starts]


@given(
    text=st.text("ACGT", max_size=40),
    window=st.integers(1, 15),
    stride=st.integers(1, 15),
    cuts=st.lists(st.integers(0, 40), max_size=6),
)
def test_pieces_of_any_length_give_the_windows_of_the_whole(
    text: str, window: int, stride: int, cuts: list[int]
) -> None:
    stride = min(stride, window)
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert list(slide(pieces, window, stride)) == windows(text, window, stride)


def test_the_last_window_is_as_long_as_the_others_and_ends_with_the_sequence() -> None:
    assert list(slide(["ACGTACGTAC"], 4)) == [(0, "ACGT"), (4, "ACGT"), (6, "GTAC")]


def test_a_short_sequence_is_one_window_and_an_empty_one_none() -> None:
    assert list(slide(["AC", "G"], 4)) == [(0, "ACG")]
    assert list(slide([], 4)) == []


@pytest.mark.parametrize(("window", "stride"), [(0, None), (-1, None), (4, 0), (4, 5)])
def test_windows_that_hold_nothing_and_strides_that_skip_bases_are_refused(
    window: int, stride: int | None
) -> None:
    with pytest.raises(WindowError):
        list(slide(["ACGT"], window, stride))
