"""Next bases from next words: sums by brute force, and no position that looks ahead."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from cistron.layers.base_marginals import Begun, begun_words, next_base_log_p

WORDS = ["".join(letters) for letters in product("ACGT", repeat=3)]


def test_positions_inside_a_word_know_its_beginning():
    found = begun_words("ACGTTA", [3, 6], 3)
    assert found == [
        Begun(0, 0, 0), Begun(0, 1, 0), Begun(0, 2, 1),
        Begun(1, 0, 0), Begun(1, 1, 3), Begun(1, 2, 15), Begun(2, 0, 0),
    ]  # fmt: skip


def test_bases_left_over_begin_a_word_that_never_ends():
    assert begun_words("ACGTT", [3, 4, 5], 3)[3:] == [Begun(1, 0, 0), Begun(1, 1, 3), Begun(1, 2, 15)]


def test_behind_what_is_no_base_a_new_word_begins():
    found = begun_words("ANCGT", [1, 2, 5], 3)
    assert found[:3] == [Begun(0, 0, 0), Begun(0, 1, 0), Begun(2, 0, 0)]
    assert found[5] == Begun(3, 0, 0)


@pytest.mark.parametrize(
    ("text", "ends"), [("ACGTTACANGGT", [3, 6, 9, 12]), ("ACGTTACCANGGT", [3, 6, 7, 8, 9, 10, 13])]
)
def test_what_is_said_of_a_position_depends_on_the_bases_before_it(text, ends):
    whole = begun_words(text, ends, 3)
    for cut in range(len(text) + 1):
        shorter = begun_words(text[:cut], [end for end in ends if end <= cut], 3)
        assert shorter == whole[: cut + 1]


@pytest.mark.parametrize("length", [0, 1, 2])
def test_the_next_base_is_a_sum_over_words(length):
    torch.manual_seed(length)
    log_p = torch.randn(3, 70, dtype=torch.float64).log_softmax(-1)
    ids = torch.randperm(70)[:64].tolist()
    starts = ["", "CT", "GA"] if length == 2 else ["", "C", "G"] if length else [""] * 3
    begun = [
        Begun(0, len(start), int("".join(str("ACGT".index(b)) for b in start) or "0", 4)) for start in starts
    ]
    found = next_base_log_p(log_p, ids, begun)
    for place, start in enumerate(starts):
        p = {word: log_p[place, i].exp().item() for word, i in zip(WORDS, ids, strict=True)}
        whole = sum(value for word, value in p.items() if word.startswith(start)) if start else 1.0
        for column, base in enumerate("ACGT"):
            expected = sum(value for word, value in p.items() if word.startswith(start + base)) / whole
            assert found[place, column].exp().item() == pytest.approx(expected)
        assert found[place].exp().sum().item() == pytest.approx(1)
