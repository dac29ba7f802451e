"""Reference windows and the alternative haplotypes that branch off them, every common base being read once.

A trunk is a reference window. Its branches keep the trunk's bases up to some place and go on by themselves.
The trunk is read from left to right, in pieces that end where branches leave; there the state is kept, so
that it can be forked for the branches (`branches.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray
from torch import Tensor

from cistron.inference.chunks import read_chunks
from cistron.models import Model, State
from cistron.tokenizers import Tokenizer

_REREAD: Final = 16
"""Branches of one fork leave within one part in so many of what lies behind it, and so re-read less."""


@dataclass(frozen=True)
class Branch:
    """An alternative haplotype.

    Attributes:
        start: Tokens of the trunk that it keeps.
        text: What it goes on with.
        own: Tokens of `text` that no token of the trunk is compared with: the allele.
        back: Place in the trunk of what is compared with the token behind those.
        whole: Whether it has to be read to its end.
    """

    start: int
    text: str
    own: int
    back: int
    whole: bool = False


@dataclass(frozen=True)
class Trunk:
    """A reference window and what branches off it.

    Attributes:
        text: Its bases.
        branches: By `start`, at least one.
        whole: Whether every base is to be scored, not only those behind the first branch.
    """

    text: str
    branches: tuple[Branch, ...]
    whole: bool = False


class Fork(NamedTuple):
    """Branches that are read together, from one place in the trunk.

    Attributes:
        start: Tokens of the trunk before it.
        first: Number of the first of its branches.
        rows: How many there are.
    """

    start: int
    first: int
    rows: int


class Shape(NamedTuple):
    """What trunks must have in common to be read side by side."""

    forks: tuple[Fork, ...]
    whole: bool


def shape(trunk: Trunk, batch_tokens: int) -> Shape:
    """Where to fork for the branches of `trunk`, so that no fork's branches exceed `batch_tokens`."""
    forks: list[Fork] = []
    for number, branch in enumerate(trunk.branches):
        if forks and _joins(forks[-1], trunk, branch, batch_tokens):
            forks[-1] = forks[-1]._replace(rows=forks[-1].rows + 1)
        else:
            forks.append(Fork(branch.start, number, 1))
    return Shape(tuple(forks), trunk.whole)


def _joins(fork: Fork, trunk: Trunk, branch: Branch, batch_tokens: int) -> bool:
    longest = max(row_length(fork, each) for each in (*members(fork, trunk), branch))
    near = _REREAD * (branch.start - fork.start) <= len(trunk.text) - fork.start
    return near and (fork.rows + 1) * longest <= batch_tokens


def members(fork: Fork, trunk: Trunk) -> Sequence[Branch]:
    """The branches of `fork`."""
    return trunk.branches[fork.first : fork.first + fork.rows]


def row_length(fork: Fork, branch: Branch) -> int:
    """Tokens behind the fork until the branch ends."""
    return branch.start - fork.start + len(branch.text)


class Place(NamedTuple):
    """Where reading stands.

    Attributes:
        position: Tokens read.
        state: Behind them.
        ahead: Log-probabilities of the token that comes next; None at the very beginning.
    """

    position: int
    state: State
    ahead: Float[Tensor, "B 1 V"] | None


class ReadTrunks:
    """Trunks of one shape, read side by side, and no further than somebody asked for.

    May be used from several threads. All methods need inference mode.

    Attributes:
        trunks: What is read.
        shape: Their common shape.
        chunk: Tokens of a row that are read at once.
        scores: Natural-log probability of each token; NaN where it is unscored or not known yet.
    """

    def __init__(
        self, model: Model, tokenizer: Tokenizer, trunks: Sequence[Trunk], form: Shape, chunk: int
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.trunks, self.shape, self.chunk = trunks, form, chunk
        empty = model.empty_state(len(trunks))
        self._ids = padded(
            [tokenizer.encode(trunk.text) for trunk in trunks], tokenizer, empty.lengths.device
        )
        self.scores: Float64[np.ndarray, "B T"] = np.full(self._ids.shape, np.nan)
        self._place = Place(0, empty, None)
        self._kept = {0: self._place}
        self._lock = threading.Lock()

    @cached_property
    def _stops(self) -> list[int]:
        return sorted({fork.start for fork in self.shape.forks})

    def place(self, start: int) -> Place:
        """Where reading stood at the start of a fork."""
        self._read(start)
        return self._kept[start]

    def know(self, end: int) -> None:
        """Have the scores of all tokens before `end`."""
        # The last token is never read: nothing comes after it.
        self._read(min(end, self._ids.shape[1]) - 1)

    def _read(self, end: int) -> None:
        with self._lock:
            between = [stop for stop in self._stops if self._place.position < stop < end]
            for stop in (*between, end):
                if stop > self._place.position:
                    self._place = self._advanced(stop)
                    self._kept |= {stop: self._place} if stop in self._stops else {}

    def _advanced(self, stop: int) -> Place:
        start, state, ahead = self._place
        # Until the first fork only the last token is asked for, which saves most of the last layer.
        unscored = not self.shape.whole and stop <= self._stops[0]
        ids = self._ids[:, start:stop]
        for columns, output in read_chunks(self.model, ids, state, size=self.chunk, last_only=unscored):
            assert output.state is not None
            state = output.state
            if output.logits is not None:
                ahead = log_softmax(output.logits)
                self._note(ahead, start + columns.stop + 1)
                ahead = ahead[:, -1:]
        return Place(stop, state, ahead)

    def _note(self, predicted: Float[Tensor, "B L V"], end: int) -> None:
        """Keep the scores of the tokens before `end`, of which `predicted` holds the last."""
        begin = end - predicted.shape[1]
        targets = self._ids[:, begin:end]
        found = scored(predicted[:, : targets.shape[1]], targets, self.tokenizer)
        self.scores[:, begin : begin + targets.shape[1]] = found


def padded(
    texts: Sequence[NDArray[np.int64]], tokenizer: Tokenizer, device: torch.device
) -> Int[Tensor, "B L"]:
    """Rows of ids, padded on the right, where no causal model looks."""
    rows = np.full((len(texts), max(map(len, texts))), tokenizer.pad_id, dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = text
    return torch.from_numpy(rows).to(device)


def log_softmax(logits: Float[Tensor, "B L V"]) -> Float[Tensor, "B L V"]:
    """Over the whole vocabulary, in float32 at least."""
    wide = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    return wide.log_softmax(dim=-1)


def scored(
    predicted: Float[Tensor, "B L V"], targets: Int[Tensor, "B L"], tokenizer: Tokenizer
) -> Float64[np.ndarray, "B L"]:
    """Log-probability of each target; NaN for those that are not scored."""
    picked = predicted.gather(-1, targets.unsqueeze(-1)).squeeze(-1).double()
    unscored = torch.isin(targets, torch.tensor(sorted(tokenizer.unscored_ids), device=targets.device))
    values: NDArray[np.float64] = picked.masked_fill(unscored, torch.nan).cpu().numpy()
    return values
