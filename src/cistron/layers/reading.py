"""How one chunk of tokens is read: what was read before, and which documents its rows hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from cistron.layers.documents import Runs, runs_of


@dataclass(frozen=True)
class Places:
    """How far each row has been read.

    Attributes:
        lengths: Tokens read.
        positions: Tokens read of the current document.
        documents: The current document; 0 before the first.
    """

    lengths: Int[Tensor, "B"]
    positions: Int[Tensor, "B"]
    documents: Int[Tensor, "B"]

    @classmethod
    def none(cls, batch: int, device: torch.device) -> Places:
        """Nothing read yet."""
        zeros = torch.zeros(batch, dtype=torch.long, device=device)
        return cls(zeros, zeros, zeros)

    def fork(self, rows: Int[Tensor, "R"]) -> Places:
        """Those of other rows."""
        return Places(self.lengths[rows], self.positions[rows], self.documents[rows])

    def to(self, device: torch.device | str | None) -> Places:
        """The same on another device."""
        return Places(self.lengths.to(device), self.positions.to(device), self.documents.to(device))


@dataclass(frozen=True)
class Part:
    """A chunk, or some of its documents as rows of their own: where their tokens stand.

    Attributes:
        past: Tokens of the document that each row has read before.
        positions: Of each token in its document; one row where all rows agree.
        read: Real tokens per row; None where all are, or nothing is kept.
    """

    past: Int[Tensor, "B"]
    positions: Int[Tensor, "*B L"]
    read: Int[Tensor, "B"] | None

    @classmethod
    def of(
        cls,
        past: Int[Tensor, "B"],
        length: int,
        read: Int[Tensor, "B"] | None,
        *,
        fresh: bool,
    ) -> Part:
        """The part whose rows have read `past` tokens, none of them where `fresh`."""
        steps = torch.arange(length, device=past.device)
        if fresh:
            return cls(past, steps, read)
        alike = bool((past == past[0]).all())
        return cls(past, past[0] + steps if alike else past.unsqueeze(1) + steps, read)

    @property
    def valid(self) -> Bool[Tensor, "B L"] | None:
        """Which tokens are real; None where all are."""
        if self.read is None:
            return None
        return torch.arange(self.positions.shape[-1], device=self.read.device) < self.read.unsqueeze(1)


@dataclass(frozen=True)
class Reading:
    """How one forward call reads its chunk.

    Attributes:
        whole: The chunk as it is; None where it is read document by document.
        parts: Groups of documents with where they lie; empty where the chunk is read as it is.
        after: How far rows have been read behind the chunk; None where nothing is kept.
    """

    whole: Part | None
    parts: Sequence[tuple[Part, Runs]]
    after: Places | None

    @classmethod
    def of(
        cls,
        input_ids: Int[Tensor, "B L"],
        before: Places | None,
        lengths: Int[Tensor, "B"] | None,
        document_ids: Int[Tensor, "B L"] | None,
    ) -> Reading:
        """Find out where the tokens of a chunk stand.

        Args:
            input_ids: The chunk.
            before: What was read before; None to read whole sequences and keep nothing.
            lengths: As in `cistron.models.Model`.
            document_ids: As in `cistron.models.Model`.
        """
        batch, length = input_ids.shape
        past = Places.none(batch, input_ids.device) if before is None else before
        document = past.documents
        if before is None and document_ids is not None and length:
            document = document_ids[:, 0]
        runs = [] if document_ids is None else runs_of(document_ids, lengths, document)
        parts = [(_part(run, past.positions, keep=before is not None), run) for run in runs]
        after = None if before is None else _after(before, length, lengths, document_ids, parts)
        if parts:
            return cls(None, parts, after)
        # Where all tokens are real, caches need not mark them.
        alike = before is None or lengths is None or bool((lengths == length).all())
        read = None if alike or lengths is None else lengths.to(past.lengths)
        return cls(Part.of(past.positions, length, read, fresh=before is None), (), after)


def _part(run: Runs, positions: Int[Tensor, "B"], *, keep: bool) -> Part:
    past = positions[run.rows] if run.continued else torch.zeros_like(run.rows)
    read = run.lengths if keep else None
    return Part.of(past, run.columns.shape[1], read, fresh=not (keep and run.continued))


def _after(
    before: Places,
    length: int,
    lengths: Int[Tensor, "B"] | None,
    document_ids: Int[Tensor, "B L"] | None,
    parts: Sequence[tuple[Part, Runs]],
) -> Places:
    """Places behind the chunk."""
    read = torch.full_like(before.lengths, length) if lengths is None else lengths.to(before.lengths)
    positions, documents = before.positions + read, before.documents
    if document_ids is not None and length:
        last = document_ids.to(documents).gather(1, (read - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        documents = torch.where(read > 0, last, documents)
    for part, runs in parts:
        positions = positions.index_put((runs.rows[runs.final],), (part.past + runs.lengths)[runs.final])
    return Places(before.lengths + read, positions, documents)
