"""What a rank reads at every step: its rows of the step's windows, as tensors with labels."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from cistron.data.corpus import read_source
from cistron.data.loader import prefetch
from cistron.data.packed import PackedCorpus
from cistron.data.sampling import Batch, Sampler
from cistron.errors import InputError
from cistron.tokenizers import Tokenizer
from cistron.training.loss import IGNORED, next_base_labels
from cistron.training.parallel import Parallel
from cistron.training.pretrain import Pretraining
from cistron.training.stages import Timetable

_VALIDATION_TOKENS = 8192
"""Tokens of a validation batch on each data rank, unless a window is longer."""


class Rows(NamedTuple):
    """Some rows of a step, as one rank sees them.

    Attributes:
        input_ids: Tokens.
        labels: The token after each, or `IGNORED`.
        document_ids: Which document a token belongs to; None where every row is one document.
        share: Of the step's rows, over all ranks.
    """

    input_ids: Int[Tensor, "B L"]
    labels: Int[Tensor, "B L"]
    document_ids: Int[Tensor, "B L"] | None
    share: float


class StepRows(NamedTuple):
    """All that a rank computes at one step.

    Attributes:
        parts: Taken through the model one after another.
        length: Tokens of a window.
        tokens: Tokens of the step over all ranks.
    """

    parts: list[Rows]
    length: int
    tokens: int


class Reader:
    """Draws the rows of this rank, ahead of their use."""

    def __init__(
        self, run: Pretraining, corpora: Sequence[PackedCorpus], tokenizer: Tokenizer, world: Parallel
    ) -> None:
        self._run, self._tokenizer, self._world = run, tokenizer, world
        self._timetable = Timetable(run.stages, run.optim)
        data = run.data
        self._samplers = [
            Sampler(
                corpora,
                tokenizer,
                stage.lengths,
                tokens=stage.tokens,
                seed=run.seed * 1000 + number,
                reverse_share=data.reverse_share,
                weights=data.weights or None,
                pack_documents=data.pack_documents,
                reset_documents=data.reset_documents,
            )
            for number, stage in enumerate(run.stages)
        ]

    def steps(self, first: int) -> Generator[StepRows]:
        """Give the rows of step `first`, 0-based, and of all that follow."""
        return prefetch(self._step, range(first, self._timetable.total))

    def _step(self, step: int) -> StepRows:
        sampler = self._samplers[self._timetable.stage(step)]
        length, rows = sampler.length(step), sampler.rows(step)
        limit = self._run.micro_tokens
        at_once = rows if limit is None else max(limit // length, 1)
        parts = []
        for start in range(0, rows, at_once):
            size = min(at_once, rows - start)
            mine = self._world.rows(size)
            batch = sampler(step, slice(start + mine.start, start + mine.stop))
            parts.append(self._rows(batch, size / rows))
        return StepRows(parts, length, rows * length)

    def _rows(self, batch: Batch, share: float) -> Rows:
        input_ids = torch.from_numpy(batch.input_ids)
        documents = None if batch.document_ids is None else torch.from_numpy(batch.document_ids)
        labels = next_base_labels(input_ids, self._tokenizer.unscored_ids)
        return Rows(*(self._world.split(input_ids, labels, documents)), share)


def validation_rows(run: Pretraining, tokenizer: Tokenizer, world: Parallel) -> list[Rows]:
    """This rank's rows of evenly spaced windows of the validation stretch, without those that are mostly N.

    Every rank gets equally many, filled up with windows in which nothing is scored.

    Raises:
        InputError: The stretch is shorter than a window, or mostly N.
    """
    if run.data.validation is None:
        return []
    windows = torch.from_numpy(_validation_windows(run, tokenizer))
    labels = next_base_labels(windows, tokenizer.unscored_ids)
    at_once = max(_VALIDATION_TOKENS // windows.shape[1], 1) * world.data_size
    spare = -len(windows) % world.data_size
    windows = torch.cat((windows, windows[:1].expand(spare, -1)))
    labels = torch.cat((labels, torch.full_like(labels[:1], IGNORED).expand(spare, -1)))
    found = []
    for some, theirs in zip(torch.split(windows, at_once), torch.split(labels, at_once), strict=True):
        mine = world.rows(len(some))
        found.append(Rows(*world.split(some[mine], theirs[mine], None), len(some) / len(windows)))
    return found


def _validation_windows(run: Pretraining, tokenizer: Tokenizer) -> Int[np.ndarray, "W L"]:
    data = run.data
    assert data.validation is not None
    length = data.validation_length or min(window.length for window in run.stages[0].lengths)
    _, bases = next(iter(read_source(data.validation)))
    if not data.validation_start + length <= data.validation_bases <= len(bases):
        raise InputError(
            f"validation_bases is {data.validation_bases:,}; it must be between a window of {length:,} and "
            f"the {len(bases):,} bases of the first contig of {data.validation.fasta}"
        )
    last = data.validation_bases - length
    starts = np.linspace(data.validation_start, last, data.validation_windows).astype(int)
    cut = [bases[start : start + length] for start in starts]
    kept = [tokenizer.encode(window) for window in cut if 2 * window.count("N") < length]
    if not kept:
        raise InputError(
            f"bases {data.validation_start:,} to {data.validation_bases:,} of {data.validation.fasta} "
            "are mostly N"
        )
    return np.stack(kept)
