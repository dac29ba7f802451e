"""Log-probabilities of alternative haplotypes, many at a time, each from its fork of the reference window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64

from cistron.inference.chunks import chunk_tokens, read_chunks
from cistron.inference.scoring.suffix import TOLERANCE, missing
from cistron.inference.scoring.trunks import (
    Fork,
    ReadTrunks,
    Shape,
    Trunk,
    log_softmax,
    members,
    padded,
    row_length,
    scored,
    shape,
)
from cistron.inference.scoring.workers import side_by_side, workers
from cistron.models import Model
from cistron.tokenizers import Tokenizer

_FIRST_STEP: Final = 64
"""Tokens until the first look at whether a branch may stop; later steps are a half of what was read."""


class BranchScores(NamedTuple):
    """What was read of one branch.

    Attributes:
        trunk: Number of its trunk.
        branch: Its number there.
        reference: Natural-log probability of each token of the trunk; NaN where unscored or not asked for.
        scores: Of each token of the branch's text, as far as it was read; NaN where unscored.
    """

    trunk: int
    branch: int
    reference: Float64[np.ndarray, "T"]
    scores: Float64[np.ndarray, "S"]


def score_branches(
    model: Model,
    tokenizer: Tokenizer,
    trunks: Sequence[Trunk],
    *,
    batch_tokens: int,
    adaptive: bool = False,
) -> Iterator[BranchScores]:
    """Yield the log-probabilities of every branch of every trunk; the order depends on the texts alone.

    Memory holds a few trunks at a time. In inference mode, and on a CPU on as many cores as torch has
    threads.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        trunks: What to read.
        batch_tokens: Most tokens in one batch, unless a single branch has more.
        adaptive: Stop reading a branch where the rest is estimated to matter less than `suffix.TOLERANCE`.
    """
    device = model.empty_state(1).lengths.device
    batches = list(_batches(trunks, batch_tokens))
    at_once, chunk = workers(device), chunk_tokens(batch_tokens)

    def opened(batch: _Batch) -> ReadTrunks:
        read = ReadTrunks(model, tokenizer, [trunks[number] for number in batch.numbers], batch.shape, chunk)
        if adaptive and not batch.shape.whole:
            read.place(batch.shape.forks[0].start)
        else:
            read.know(max(len(trunk.text) for trunk in read.trunks))
        return read

    for start in range(0, len(batches), at_once):
        some = batches[start : start + at_once]
        read = list(side_by_side(opened, some, device))
        work = [
            (batch, each, fork) for batch, each in zip(some, read, strict=True) for fork in batch.shape.forks
        ]
        rows = side_by_side(lambda item: _Rows(item[1], item[2]).read(adaptive), work, device)
        for (batch, each, _), found in zip(work, rows, strict=True):
            for row in found:
                reference = each.scores[row.trunk, : len(each.trunks[row.trunk].text)]
                yield BranchScores(batch.numbers[row.trunk], row.number, reference, row.scores)


class _Batch(NamedTuple):
    numbers: list[int]
    shape: Shape


def _batches(trunks: Sequence[Trunk], batch_tokens: int) -> Iterator[_Batch]:
    """Trunks of one shape and similar length, so many that neither they nor a fork of them are too much."""
    shapes = [shape(trunk, batch_tokens) for trunk in trunks]
    sizes = [_tokens(trunk, form) for trunk, form in zip(trunks, shapes, strict=True)]
    batch: list[int] = []
    largest = 0
    for number in sorted(range(len(trunks)), key=lambda number: (shapes[number], sizes[number])):
        largest = max(largest, sizes[number])
        if batch and (shapes[batch[0]] != shapes[number] or (len(batch) + 1) * largest > batch_tokens):
            yield _Batch(batch, shapes[batch[0]])
            batch, largest = [], sizes[number]
        batch.append(number)
    if batch:
        yield _Batch(batch, shapes[batch[0]])


def _tokens(trunk: Trunk, form: Shape) -> int:
    """Most tokens of the trunk that are read at once, in one of its pieces or in a fork's branches."""
    stops = [0, *(fork.start for fork in form.forks), len(trunk.text)]
    pieces = (end - start for start, end in pairwise(stops))
    forks = (
        fork.rows * max(row_length(fork, branch) for branch in members(fork, trunk)) for fork in form.forks
    )
    return max(*pieces, *forks)


class _Row(NamedTuple):
    """What was read of one branch: `BranchScores` with the trunk's number in its batch."""

    trunk: int
    number: int
    scores: Float64[np.ndarray, "S"]


class _Rows:
    """The branches of one fork of all trunks of a batch, read side by side.

    Args:
        trunks: The trunks.
        fork: The fork.
    """

    def __init__(self, trunks: ReadTrunks, fork: Fork) -> None:
        self._trunks, self._fork = trunks, fork
        self._branches = [
            (number, branch) for number, trunk in enumerate(trunks.trunks) for branch in members(fork, trunk)
        ]
        place = trunks.place(fork.start)
        device = place.state.lengths.device
        self._ids = padded(
            [trunks.tokenizer.encode(self._text(row)) for row in self._all], trunks.tokenizer, device
        )
        self._scores: Float64[np.ndarray, "R S"] = np.full(self._ids.shape, np.nan)
        rows = torch.arange(len(trunks.trunks), device=device).repeat_interleave(fork.rows)
        self._state = place.state.fork(rows)
        self._active = list(self._all)
        self._known = [1] * len(self._branches)
        if place.ahead is not None:
            self._scores[:, :1] = scored(place.ahead[rows], self._ids[:, :1], trunks.tokenizer)

    def read(self, adaptive: bool) -> list[_Row]:
        """Read all branches to their ends, or as far as they matter."""
        last = self._ids.shape[1] - 1  # nothing comes after it, so it is not read itself
        position = 0
        while self._active and position < last:
            step = max(_FIRST_STEP, position // 2) if adaptive else last
            position = self._step(position, min(last, position + step))
            if adaptive and position < last:
                self._drop_settled()
        found = [self._row(row) for row in self._all]
        self._trunks.know(max(map(self._compared, found)))
        return found

    @property
    def _all(self) -> range:
        return range(len(self._branches))

    def _text(self, row: int) -> str:
        number, branch = self._branches[row]
        return self._trunks.trunks[number].text[self._fork.start : branch.start] + branch.text

    def _step(self, start: int, stop: int) -> int:
        """Read tokens `start` to `stop` of the active rows."""
        ids = self._ids if len(self._active) == len(self._branches) else self._ids[self._active]
        model, size = self._trunks.model, self._trunks.chunk
        for columns, output in read_chunks(model, ids[:, start:stop], self._state, size=size):
            assert output.logits is not None
            assert output.state is not None
            self._state = output.state
            known = slice(start + columns.start + 1, start + columns.stop + 1)
            found = scored(log_softmax(output.logits), ids[:, known], self._trunks.tokenizer)
            self._scores[self._active, known] = found
        for row in self._active:
            self._known[row] = stop + 1
        return stop

    def _drop_settled(self) -> None:
        """Go on with the rows of which more has to be read."""
        kept = [place for place, row in enumerate(self._active) if not self._settled(row)]
        if kept and len(kept) < len(self._active):
            self._state = self._state.fork(torch.tensor(kept))
        self._active = [self._active[place] for place in kept]

    def _settled(self, row: int) -> bool:
        number, branch = self._branches[row]
        found = self._row(row)
        scores, end = found.scores[branch.own :], self._compared(found)
        left = len(branch.text) - branch.own - len(scores)
        if branch.whole or not len(scores):
            return left <= 0
        self._trunks.know(end)
        reference = self._trunks.scores[number, branch.back : end]
        return missing(scores - reference, left) <= TOLERANCE

    def _compared(self, found: _Row) -> int:
        """End of the trunk's tokens that what was read is compared with."""
        branch = self._trunks.trunks[found.trunk].branches[found.number]
        return branch.back + max(0, len(found.scores) - branch.own)

    def _row(self, row: int) -> _Row:
        number, branch = self._branches[row]
        lead = branch.start - self._fork.start
        scores = self._scores[row, lead : min(self._known[row], lead + len(branch.text))]
        return _Row(number, self._fork.first + row % self._fork.rows, scores)
