"""What gives a test part away: copies, shared words, shuffles, groups, places; and nothing else."""

from __future__ import annotations

import random

import pytest

from cistron.genome.sequence import reverse_complement
from cistron.metrics.leaks import Part, leaks


def bases(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        (bases(200, 0), "is in the training part"),
        (reverse_complement(bases(200, 0)), "is in the training part"),
        (bases(200, 0)[100:] + bases(100, 9), "31-mers"),
        (reverse_complement(bases(200, 0)[100:]) + bases(100, 9), "31-mers"),
    ],
)
def test_copies_and_overlapping_windows_are_found_on_either_strand(sequence, said):
    train = Part([bases(200, 0), bases(200, 1)])
    found = leaks(train, Part([bases(200, 5), sequence]))
    assert any(said in finding.what for finding in found)
    assert all(finding.found.tolist() == [False, True] for finding in found)


def test_unrelated_sequences_give_nothing_away():
    train, test = ([bases(300, seed) for seed in range(start, start + 50)] for start in (0, 100))
    assert leaks(Part(train, [0] * 50), Part(test, [1] * 50)) == []


def dinucleotide_shuffle(sequence: str) -> str:
    """Another sequence with the same dinucleotides: two stretches between equal bases change places."""
    edges = {}
    for at in range(len(sequence) - 1):
        edges.setdefault(sequence[at], []).append(at)
    first = edges[sequence[0]]
    a, b, c = first[0], first[len(first) // 3], first[2 * len(first) // 3]
    return sequence[:a] + sequence[b:c] + sequence[a:b] + sequence[c:]


def test_a_negative_that_is_a_shuffled_positive_is_found():
    sequence = bases(200, 3)
    twin = dinucleotide_shuffle(sequence)
    assert twin != sequence
    found = leaks(Part([sequence], ["positive"]), Part([twin], ["negative"]))
    assert any("shuffle" in finding.what for finding in found)
    assert not any(
        "shuffle" in f.what for f in leaks(Part([sequence], ["positive"]), Part([twin], ["positive"]))
    )


def test_a_group_on_both_sides_is_found_and_no_group_is_no_group():
    train = Part([bases(100, 0), bases(100, 1)], groups=["BRCA1", ""])
    (found,) = leaks(train, Part([bases(100, 2), bases(100, 3), bases(100, 4)], groups=["BRCA1", "", "TP53"]))
    assert found.found.tolist() == [True, False, False]
    assert "1 of 3 test sequences (33.3%)" in str(found)


@pytest.mark.parametrize(
    ("place", "overlaps"),
    [(("1", 150, 160), True), (("1", 200, 210), False), (("1", 90, 100), False), (("2", 150, 160), False)],
)
def test_places_overlap_when_they_share_a_base(place, overlaps):
    train = Part([bases(100, 0), bases(100, 1)], places=[("1", 100, 200), ("1", 5000, 5100)])
    assert bool(leaks(train, Part([bases(100, 2)], places=[place]))) == overlaps
