from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.errors import InputError
from cistron.genome.sequence import IUPAC
from cistron.inference.generation.motifs import ENDLESS, avoiding, gc_reach

motif_sets = st.lists(st.text("ACGTRYN", min_size=1, max_size=5), max_size=4)


def occurs(motifs: list[str], sequence: str) -> int | None:
    """Where the first motif to be completed ends."""
    ends = [
        found.end(1)
        for motif in motifs
        for found in re.finditer("(?=(" + "".join(f"[{IUPAC[letter]}]" for letter in motif) + "))", sequence)
    ]
    return min(ends, default=None)


@given(motifs=motif_sets, sequence=st.text("ACGT", max_size=30))
def test_a_sequence_is_read_to_its_end_exactly_when_no_motif_occurs(motifs, sequence):
    assert avoiding(motifs).read(sequence)[1] == occurs(motifs, sequence)


@settings(max_examples=40)
@given(motifs=motif_sets, begun=st.text("ACGT", max_size=6))
def test_room_is_how_many_bases_can_follow(motifs, begun):
    automaton = avoiding(motifs)
    state, end = automaton.read(begun)
    if end is not None:
        return
    longest = 0
    for length in range(1, 6):
        if not any(occurs(motifs, begun + "".join(more)) is None for more in product("ACGT", repeat=length)):
            break
        longest = length
    assert min(int(automaton.room[state]), 5) == longest


def test_room_is_endless_where_something_can_always_follow():
    assert set(avoiding(["GAATTC", "GGTCTC"]).room.tolist()) == {ENDLESS}
    assert avoiding(["AA", "AC", "AG", "AT"]).room.tolist() == [ENDLESS, 0]
    assert avoiding(["N"]).room.tolist() == [0]


@settings(max_examples=40)
@given(motifs=motif_sets, length=st.integers(0, 5))
def test_reach_is_the_least_and_most_gc_of_all_continuations(motifs, length):
    automaton = avoiding(motifs)
    reach = gc_reach(automaton, 5)
    counts = [
        sum(base in "GC" for base in bases)
        for bases in product("ACGT", repeat=length)
        if occurs(motifs, "".join(bases)) is None
    ]
    if counts:
        assert (reach.least[length, 0], reach.most[length, 0]) == (min(counts), max(counts))
    else:
        assert reach.least[length, 0] > 5
        assert reach.most[length, 0] < 0


def test_long_gaps_are_followed_exactly():
    automaton = avoiding(["CCANNNNNNNNNTGG"])  # XcmI
    assert automaton.read("CCA" + "ACGTACGTA" + "TGG")[1] == 15
    assert automaton.read("CCA" + "ACGTACGTAA" + "TGG")[1] is None
    assert len(automaton.room) < 1000


@pytest.mark.parametrize("motifs", [["A" + "N" * 40 + "T"], ["A" * 20_000]])
def test_too_many_cases_are_refused(motifs):
    with pytest.raises(InputError, match="to avoid make more than"):
        avoiding(motifs)
