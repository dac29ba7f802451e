"""Steers generation: which of A, C, G and T may follow so that the constraints can still be kept.

Motifs and homopolymers are decided exactly, to the end of the sequence, and so is the GC content of windows.
That of the whole sequence is decided together with the motifs, but for counts that motifs leave out between
the least and the most. Windows together with motifs can leave no base; such a row is stuck and must be begun
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from cistron.genome.sequence import ACGT
from cistron.inference.generation.constraints import Constraints, GCRange
from cistron.inference.generation.motifs import GCReach, MotifAutomaton, avoiding, gc_reach

_MOST_REACH = 20_000_000
"""Entries of the table of what GC can still be reached; beyond, motifs and GC are followed apart."""

_AHEAD = 3
"""Bases looked ahead where windows of GC content and motifs meet; each one makes it four times as much."""


class AllowedBases:
    """All constraints of a batch.

    Args:
        constraints: What is to be kept; `require_possible` holds for every prompt.
        prompts: Of each row, upper case.
        tokens: Bases to come.
        device: Where the answers are wanted.
    """

    def __init__(
        self, constraints: Constraints, prompts: Sequence[str], tokens: int, device: torch.device
    ) -> None:
        begun = list(prompts) if constraints.scope == "whole" else [""] * len(prompts)
        automaton = _automaton(constraints)
        self._following = torch.from_numpy(automaton.following).long().to(device)
        self._room = torch.from_numpy(automaton.room).to(device)
        self._states = torch.tensor([automaton.read(text)[0] for text in begun], device=device)
        self._left = tokens
        self._content: _Content | None = None
        if constraints.gc and constraints.gc.window:
            self._content = _Windows(constraints.gc, begun, self._following, device)
        elif constraints.gc:
            self._content = _Whole(constraints, constraints.gc, begun, tokens, device)

    def next(self) -> Bool[Tensor, "B 4"]:
        """Which of A, C, G, T may come next; no base at all in rows that are stuck."""
        after, left = self._following[self._states], self._left - 1
        allowed = (after >= 0) & (self._room[after] >= left)
        return allowed if self._content is None else self._content.narrowed(allowed, after, left)

    def advance(self, bases: Int[Tensor, "B"]) -> None:
        """Take in what came: 0 to 3 for A, C, G, T; of stuck rows anything."""
        after = self._following[self._states, bases]
        self._states = torch.where(after < 0, self._states, after)
        if self._content is not None:
            self._content.advance(bases)
        self._left -= 1


class _Content(Protocol):
    """The GC content of a batch, followed row by row."""

    def narrowed(
        self, allowed: Bool[Tensor, "B 4"], after: Int[Tensor, "B 4"], left: int
    ) -> Bool[Tensor, "B 4"]:
        """Which of the allowed bases may come next.

        Args:
            allowed: What the motifs allow.
            after: State behind each base, as far as the motifs go.
            left: Bases still to come behind this one.
        """
        ...

    def advance(self, bases: Int[Tensor, "B"]) -> None:
        """Take in what came."""
        ...


class _Windows:
    """Share of G and C in every window.

    While the first window fills, its count must still be reachable. Once it is full nothing can go wrong that
    does not go wrong now: repeating the base that leaves the window keeps its count for ever. Where there are
    motifs too, every way on for some bases is looked at, so that rows seldom get stuck between the two.
    """

    def __init__(
        self, gc: GCRange, begun: Sequence[str], following: Int[Tensor, "S 4"], device: torch.device
    ) -> None:
        assert gc.window is not None
        self._width, self._following = gc.window, following
        self._low, self._high = gc.counts(gc.window)
        self._ahead = min(_AHEAD, self._width - 1) if len(following) > 1 else 1
        self._is_gc = _is_gc(device)
        self._read = torch.tensor([len(text) for text in begun], device=device)
        # Each row's last window, written round and round.
        self._window = torch.zeros(len(begun), self._width, dtype=torch.long, device=device)
        for row, text in enumerate(begun):
            for position in range(max(0, len(text) - self._width), len(text)):
                self._window[row, position % self._width] = int(text[position] in "GC")
        self._count = self._window.sum(1)

    def _leaving(self, steps: int) -> tuple[Int[Tensor, "B F"], Int[Tensor, "B F"]]:
        """Where the next `steps` bases will be written, and 1 where a G or C stands there now."""
        places = (self._read.unsqueeze(1) + torch.arange(steps, device=self._read.device)) % self._width
        return places, self._window.gather(1, places)

    def narrowed(
        self, allowed: Bool[Tensor, "B 4"], after: Int[Tensor, "B 4"], left: int
    ) -> Bool[Tensor, "B 4"]:
        ahead = max(1, min(self._ahead, left + 1))
        rows, leaving = len(after), self._leaving(ahead)[1]
        count = self._count.unsqueeze(1) - leaving[:, :1] + self._is_gc
        free = allowed & self._kept(count, 0)
        for step in range(1, ahead):
            after = self._following[after]
            free = free.unsqueeze(-1) & (after >= 0)
            count = (count - leaving[:, step : step + 1]).unsqueeze(-1) + self._is_gc
            after, free, count = (part.view(rows, -1) for part in (after, free, count))
            free = free & self._kept(count, step)
        return free.view(rows, 4, -1).any(-1)

    def _kept(self, count: Int[Tensor, "B W"], step: int) -> Bool[Tensor, "B W"]:
        """Whether a count is possible after the next base (`step` 0) or a later one."""
        missing = (self._width - 1 - step - self._read).clamp(min=0).unsqueeze(1)
        return (count <= self._high) & (count + missing >= self._low)

    def advance(self, bases: Int[Tensor, "B"]) -> None:
        place, leaving = self._leaving(1)
        coming = self._is_gc[bases]
        self._count = self._count - leaving.squeeze(1) + coming
        self._window.scatter_(1, place, coming.unsqueeze(1))
        self._read = self._read + 1


class _Whole:
    """Share of G and C in the whole sequence.

    What can still be reached would let a sequence drift and end in nothing but G and C. So bases are
    preferred after which the rest needs no other share than the range itself, as long as there are any.
    """

    def __init__(
        self,
        constraints: Constraints,
        gc: GCRange,
        begun: Sequence[str],
        tokens: int,
        device: torch.device,
    ) -> None:
        self._is_gc = _is_gc(device)
        self._count = torch.tensor([text.count("G") + text.count("C") for text in begun], device=device)
        limits = torch.tensor([gc.counts(len(text) + tokens) for text in begun], device=device)
        self._low, self._high = limits.unsqueeze(-1).unbind(1)
        # A prompt far outside the range leaves no such share; then a little more than it leaves.
        needed = (limits - self._count.unsqueeze(1)).double() / tokens
        self._least_share = (needed[:, 1:] - 0.05).clamp(max=gc.low)
        self._most_share = (needed[:, :1] + 0.05).clamp(min=gc.high)
        self._reach = None
        if (tokens + 1) * len(_automaton(constraints).room) <= _MOST_REACH:
            self._reach = [torch.from_numpy(table).to(device) for table in _reach(constraints, tokens)]

    def narrowed(
        self, allowed: Bool[Tensor, "B 4"], after: Int[Tensor, "B 4"], left: int
    ) -> Bool[Tensor, "B 4"]:
        count = self._count.unsqueeze(1) + self._is_gc
        if self._reach is None:
            possible = allowed & self._between(count, count + left)
        else:
            least, most = (table[left][after] for table in self._reach)
            possible = allowed & self._between(count + least, count + most)
        preferred = possible & self._between(
            count + left * self._least_share, count + left * self._most_share
        )
        return torch.where(preferred.any(1, keepdim=True), preferred, possible)

    def _between(self, least: Tensor, most: Tensor) -> Bool[Tensor, "B 4"]:
        """Whether some final count from `least` to `most` is in the range."""
        return (least <= self._high) & (most >= self._low)

    def advance(self, bases: Int[Tensor, "B"]) -> None:
        self._count = self._count + self._is_gc[bases]


def _automaton(constraints: Constraints) -> MotifAutomaton:
    """That of the motifs; without any, one that takes everything."""
    return constraints.automaton or avoiding(())


@lru_cache(maxsize=1)
def _reach(constraints: Constraints, tokens: int) -> GCReach:
    """The same table for every batch of a run."""
    return gc_reach(_automaton(constraints), tokens)


def _is_gc(device: torch.device) -> Int[Tensor, "4"]:
    return torch.tensor([int(base in "GC") for base in ACGT], device=device)
