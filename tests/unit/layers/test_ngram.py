"""Tables of word counts: against counting by hand."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import numpy as np
import pytest
import torch

from cistron.layers import ngram
from cistron.layers.ngram import (
    Contexts,
    DirectCounts,
    HashedCounts,
    canonical,
    compact,
    levels,
    places,
    values,
)
from cistron.layers.words import words

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def text(length: int, seed: int) -> str:
    """Bases with a repeated stretch, so that long words occur more than once."""
    source = random.Random(seed)
    unit = "".join(source.choices("ACGT", k=40))
    return "".join(source.choices("AACGT", k=length)) + unit * 5


def number(word: str) -> int:
    return int("".join(str("ACGT".index(base)) for base in word), 4)


def both_strands(sequence: str, size: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for strand in (sequence, sequence.translate(COMPLEMENT)[::-1]):
        counts.update(strand[start : start + size] for start in range(len(strand) - size + 1))
    return counts


def codes(sequence: str) -> np.ndarray:
    return np.array(["ACGT".index(base) for base in sequence], dtype=np.int8)


def fitted(table, sequence: str):
    block = words(codes(sequence), table.order + 1)[0]
    table.fit(lambda: [block])
    return table


def reading(words: list[str] | str) -> Contexts:
    """One context, or several of one length, as tables take them."""
    order = len(words) if isinstance(words, str) else len(words[0])
    numbers = number(words) if isinstance(words, str) else [number(word) for word in words]
    return Contexts.of(torch.tensor(numbers), order)


def contexts(sequence: str, order: int) -> list[str]:
    return [sequence[start : start + order] for start in range(len(sequence) - order)]


@pytest.mark.parametrize("bits", [4, 8])
def test_a_level_stands_for_the_nearest_count_and_small_counts_are_exact(bits):
    counts = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 9, 100, 5000, 10**7])
    found = values(levels(counts, bits), bits)
    assert found[:7].tolist() == list(range(7))
    kept = counts[7:].clamp(max=4000 if bits == 4 else 10**9)
    assert ((found[7:] / kept).log().abs() < (0.7 if bits == 4 else 0.035)).all()


def test_every_word_shares_its_place_with_its_reverse_complement_alone():
    order = 4
    found: dict[int, set[str]] = {}
    for letters in itertools.product("ACGT", repeat=order + 1):
        word = "".join(letters)
        four = canonical(reading(word[:-1]))
        place = int(compact(four["ACGT".index(word[-1])], order))
        assert place == places(reading(word[:-1]))["ACGT".index(word[-1])]
        found.setdefault(place, set()).add(word)
    assert sorted(found) == list(range(4**5 // 2))
    assert all(len(pair) == 2 for pair in found.values())
    assert all({word.translate(COMPLEMENT)[::-1] for word in pair} == pair for pair in found.values())


@pytest.mark.parametrize("size", [4, 10, 16, 28])
def test_the_newest_bases_of_a_context_are_a_context(size):
    source = random.Random(9)
    sequence = "".join(source.choices("ACGT", k=28))
    whole = Contexts.of(torch.tensor(number(sequence)), 28).shortened(size)
    alone = sequence[-size:]
    assert (int(whole.forward), int(whole.backward), whole.order) == (
        number(alone),
        number(alone.translate(COMPLEMENT)[::-1]),
        size,
    )


def test_what_stands_before_a_context_does_not_matter():
    # Where a base is missing the number is off by a borrow, above the digits that are asked for.
    broken = -(4**9) + number("ACGTTGCA")
    assert Contexts.of(torch.tensor(broken), 8) == reading("ACGTTGCA")


@pytest.mark.parametrize(("order", "bits"), [(2, 8), (4, 4), (6, 8)])
def test_a_direct_table_holds_the_counts_of_both_strands(order, bits):
    sequence = text(3000, 1)
    table, counts = fitted(DirectCounts(order, bits), sequence), both_strands(sequence, order + 1)
    some = contexts(sequence, order)[:500]
    found = table(reading(some)).T
    exact = torch.tensor([[counts[context + base] for base in "ACGT"] for context in some])
    torch.testing.assert_close(found, values(levels(exact, bits), bits))


def test_a_hashed_table_holds_the_frequent_words_and_no_others():
    sequence = text(6000, 2)
    table, counts = fitted(HashedCounts(10, 600, 2), sequence), both_strands(sequence, 11)
    some = contexts(sequence, 10)
    found = table(reading(some)).T
    exact = torch.tensor([[counts[context + base] for base in "ACGT"] for context in some])
    exact = torch.where(exact >= 2, exact, 0)
    assert (exact > 0).sum() > 200
    expected = values(levels(exact, 4), 4)
    assert torch.equal(found[exact > 0], expected[exact > 0])
    assert (found != expected).double().mean() < 2e-3


def test_a_word_that_was_never_seen_is_hardly_ever_found():
    table = fitted(HashedCounts(14, 4000, 1), text(2500, 3))
    generator = torch.Generator().manual_seed(4)
    strangers = torch.randint(4**14, (50_000,), generator=generator)
    assert (table(Contexts.of(strangers, 14)) > 0).double().mean() < 2e-3


def test_a_table_that_is_too_small_keeps_the_most_frequent_words():
    sequence = text(20_000, 5)
    table, counts = fitted(HashedCounts(6, 400, 1), sequence), both_strands(sequence, 7)
    common = [word for word, _ in counts.most_common(40)]
    found = table(reading([word[:-1] for word in common]))
    hits = [found["ACGT".index(word[-1]), row] > 0 for row, word in enumerate(common)]
    assert sum(map(bool, hits)) >= 36


@pytest.mark.parametrize("make", [lambda: DirectCounts(4, 4), lambda: HashedCounts(8, 3000, 2)])
def test_leaving_a_base_out_is_as_if_its_occurrence_had_not_been_counted(make):
    sequence = text(1500, 6)
    whole = fitted(make(), sequence)
    order = whole.order
    size = order + 1
    every = words(codes(sequence), size)[0]
    for place in (0, 7, 700, 1600):
        less = make()
        block = np.delete(every, place)
        less.fit(lambda block=block: [block])
        context = reading(sequence[place : place + order])
        base = torch.tensor("ACGT".index(sequence[place + order]))
        torch.testing.assert_close(whole(context, base), less(context))
        torch.testing.assert_close(whole(context, torch.tensor(-1)), whole(context))


def test_counting_in_parts_changes_nothing(monkeypatch):
    sequence = text(3000, 7)
    whole = fitted(HashedCounts(8, 2000, 2), sequence)
    monkeypatch.setattr(ngram, "_WORDS_AT_ONCE", 500)
    parts = fitted(HashedCounts(8, 2000, 2), sequence)
    for row in contexts(sequence, 8)[:300]:
        context = reading(row)
        torch.testing.assert_close(parts(context), whole(context))


def test_an_order_of_28_still_fits_its_numbers():
    sequence = text(200, 8)
    table = fitted(HashedCounts(28, 900, 2), sequence)
    counts = both_strands(sequence, 29)
    row = sequence[-40:-12]
    found = table(reading(row))
    assert found.tolist() == [float(counts[row + base]) for base in "ACGT"]
