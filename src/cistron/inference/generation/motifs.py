"""Sequences that are free of motifs, read base by base: what may follow without ever getting stuck."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Int32

from cistron.errors import InputError
from cistron.genome.sequence import ACGT, IUPAC

ENDLESS: Final = np.iinfo(np.int32).max
"""Room of a state from which any number of bases can follow."""

_MOST_STATES: Final = 100_000
_MOST_LETTERS: Final = 16_384


class MotifAutomaton(NamedTuple):
    """A deterministic automaton whose states are how far each motif has been matched; state 0 is the start.

    Attributes:
        following: State behind each state and base (A, C, G, T); −1 where the base completes a motif.
        room: How many more bases can follow each state at most; `ENDLESS` where there is no limit.
    """

    following: Int32[np.ndarray, "S 4"]
    room: Int32[np.ndarray, "S"]

    def read(self, sequence: str) -> tuple[int, int | None]:
        """The state behind a sequence of A, C, G, T, and where the first motif in it ends, if there is one.

        The place is 0-based and one past the motif's last base; the state is then that before that base.
        """
        state = 0
        for position, base in enumerate(sequence):
            after = int(self.following[state, ACGT.index(base)])
            if after < 0:
                return state, position + 1
            state = after
        return state, None


def avoiding(motifs: Sequence[str]) -> MotifAutomaton:
    """The automaton of all sequences in which none of `motifs` occurs as written.

    Args:
        motifs: IUPAC codes in upper case; the reverse complement of a motif is another motif.

    Raises:
        InputError: The motifs tell apart too many cases to be followed.

    Source: Shift-And matching (Baeza-Yates & Gonnet 1992, doi 10.1145/135239.135243) made deterministic.
    """
    unique = sorted(set(motifs))
    _refuse_too_many(sum(map(len, unique)), _MOST_LETTERS)
    first, last, masks = _bits(unique)
    number: dict[int, int] = {0: 0}
    waiting, following = deque([0]), []
    while waiting:
        matched = waiting.popleft()
        row = []
        for mask in masks:
            after = (matched << 1 | first) & mask
            if after & last:
                row.append(-1)
                continue
            if after not in number:
                number[after] = len(number)
                waiting.append(after)
            row.append(number[after])
        following.append(row)
        _refuse_too_many(len(number), _MOST_STATES)
    table = np.array(following, dtype=np.int32)
    return MotifAutomaton(table, _room(table))


def _bits(motifs: Sequence[str]) -> tuple[int, int, list[int]]:
    """One bit for each letter of all motifs: first letters, last letters, and letters that each base fits."""
    first = last = bit = 0
    masks = [0, 0, 0, 0]
    for motif in motifs:
        first |= 1 << bit
        for letter in motif:
            for base, code in enumerate(ACGT):
                masks[base] |= (code in IUPAC[letter]) << bit
            bit += 1
        last |= 1 << (bit - 1)
    return first, last, masks


def _refuse_too_many(found: int, most: int) -> None:
    if found > most:
        raise InputError(
            f"the motifs to avoid make more than {most:,} cases; give fewer, shorter, or ones with fewer N"
        )


def _room(following: Int32[np.ndarray, "S 4"]) -> Int32[np.ndarray, "S"]:
    """How many bases can follow each state: states without a way out are taken away round by round."""
    room = np.full(len(following), ENDLESS, dtype=np.int32)
    ways = (following >= 0).sum(1)
    dead = np.flatnonzero(ways == 0)
    steps = 0
    while len(dead):
        room[dead] = steps
        leading = np.isin(following, dead)
        before = ways.copy()
        ways = ways - leading.sum(1)
        dead = np.flatnonzero((ways == 0) & (before > 0))
        steps += 1
    return room


class GCReach(NamedTuple):
    """Least and greatest number of G and C that so many more bases without a motif can hold, by state.

    Where no such bases exist, `least` is above and `most` below anything that could be asked for.
    """

    least: Int32[np.ndarray, "L S"]
    most: Int32[np.ndarray, "L S"]


def gc_reach(automaton: MotifAutomaton, tokens: int) -> GCReach:
    """How many G and C can still come within 0, 1, … `tokens` bases behind each state."""
    following = automaton.following
    never = np.int32(2 * tokens + 2)
    least = np.zeros((tokens + 1, len(following)), dtype=np.int32)
    most = np.zeros_like(least)
    gained = np.array([base in "GC" for base in ACGT], dtype=np.int32)
    for left in range(1, tokens + 1):
        fewer = np.where(following < 0, never, least[left - 1][following] + gained)
        more = np.where(following < 0, -never, most[left - 1][following] + gained)
        least[left], most[left] = np.minimum(fewer.min(1), never), np.maximum(more.max(1), -never)
    return GCReach(least, most)
