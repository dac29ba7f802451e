"""The last bases of every row: the memory that models of short words need of what they have read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Reading(NamedTuple):
    """A chunk with the bases remembered before it.

    Attributes:
        codes: 0 to 3 for A, C, G, T, so that the complement of c is 3 − c, and −1 for everything else; K
            remembered ones, then the chunk's L.
        runs: Bases, at most K, that end at each token of the chunk uninterrupted: the context of the next.
    """

    codes: Int[Tensor, "B KL"]
    runs: Int[Tensor, "B L"]

    def words(self, order: int) -> Int[Tensor, "B L"]:
        """The `order` ≤ K bases that end at each token of the chunk as a number in base 4, oldest first.

        Meaningless where `runs` is less than `order`.
        """
        length = self.runs.shape[1]
        before = self.codes.shape[1] - length
        word = torch.zeros_like(self.runs)
        for lag in range(order - 1, -1, -1):
            start = before - lag
            word.mul_(4).add_(self.codes[:, start : start + length])
        return word


@dataclass
class RecentBases:
    """The last K bases of every row; what a `State` of `cistron.models` needs.

    Attributes:
        codes: Codes of the last K tokens, the newest last; −1 where no context reaches.
        lengths: Tokens read, per row.
        document_ids: Document of the last token, 0 before the first.
    """

    codes: Int[Tensor, "B K"]
    lengths: Int[Tensor, "B"]
    document_ids: Int[Tensor, "B"]

    @classmethod
    def empty(cls, batch: int, size: int, device: torch.device) -> RecentBases:
        """Nothing read yet, in `batch` rows that will remember `size` bases."""
        nothing = torch.zeros(batch, dtype=torch.long, device=device)
        return cls(torch.full((batch, size), -1, device=device), nothing, nothing.clone())

    def fork(self, rows: Int[Tensor, "R"]) -> RecentBases:
        """A state whose row *i* continues from row `rows[i]`."""
        rows = rows.to(self.lengths.device)
        return RecentBases(self.codes[rows], self.lengths[rows], self.document_ids[rows])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> RecentBases:
        """The same state on another device; it holds nothing that has a floating dtype."""
        del dtype
        return RecentBases(self.codes.to(device), self.lengths.to(device), self.document_ids.to(device))

    def read(
        self,
        input_ids: Int[Tensor, "B L"],
        base_ids: Sequence[int],
        document_ids: Int[Tensor, "B L"] | None = None,
    ) -> Reading:
        """The chunk behind what is remembered; a base that begins another document has no context.

        Args:
            input_ids: Tokens of the chunk.
            base_ids: Token ids of A, C, G and T.
            document_ids: As in `cistron.models.Model`.
        """
        codes = torch.cat((self.codes, _codes(input_ids, base_ids)), dim=1)
        size = self.codes.shape[1]
        runs = _runs(codes, self._starts(document_ids, input_ids.shape[1]), size)
        return Reading(codes, runs[:, size:])

    def advanced(
        self,
        reading: Reading,
        lengths: Int[Tensor, "B"] | None = None,
        document_ids: Int[Tensor, "B L"] | None = None,
    ) -> RecentBases:
        """The state behind the last real token of each row of a chunk that `read` returned."""
        size, length = self.codes.shape[1], reading.runs.shape[1]
        read = torch.full_like(self.lengths, length) if lengths is None else lengths.to(self.lengths)
        last = (read - 1).clamp(min=0).unsqueeze(1)
        documents = self.document_ids
        if document_ids is not None and length:
            documents = torch.where(
                read > 0, document_ids.to(documents).gather(1, last).squeeze(1), documents
            )
        remembered = self.codes
        if size:
            columns = torch.arange(size, device=self.codes.device)
            newest = reading.codes.gather(1, read.unsqueeze(1) + columns)
            run = reading.runs.gather(1, last) if length else torch.zeros_like(last)
            # A row that read nothing keeps what it had, of which codes alone say how far it reaches.
            run = torch.where(read.unsqueeze(1) > 0, run, size)
            remembered = newest.masked_fill(columns < size - run, -1)
        return RecentBases(remembered, self.lengths + read, documents)

    def _starts(self, document_ids: Int[Tensor, "B L"] | None, length: int) -> Bool[Tensor, "B KL"] | None:
        """Which tokens, remembered ones included, begin another document than the token before."""
        if document_ids is None or length == 0:
            return None
        earlier = self.document_ids.unsqueeze(1)
        previous = torch.cat((earlier, document_ids[:, :-1].to(earlier)), dim=1)
        remembered = torch.zeros_like(self.codes, dtype=torch.bool)
        return torch.cat((remembered, document_ids != previous), dim=1)


def _codes(input_ids: Int[Tensor, "B L"], base_ids: Sequence[int]) -> Int[Tensor, "B L"]:
    """0 to 3 for A, C, G, T; −1 for every other token."""
    codes = torch.full_like(input_ids, -1, dtype=torch.long)
    for code, token in enumerate(base_ids):
        codes.masked_fill_(input_ids == token, code)
    return codes


def _runs(codes: Int[Tensor, "B KL"], starts: Bool[Tensor, "B KL"] | None, size: int) -> Int[Tensor, "B KL"]:
    """Bases, at most `size`, that end at each token uninterrupted."""
    steps = torch.arange(codes.shape[1], device=codes.device)
    barrier = torch.where(codes < 0, steps, -1)
    if starts is not None:
        barrier = torch.where(starts, torch.maximum(barrier, steps - 1), barrier)
    if barrier.shape[1]:
        barrier = barrier.cummax(dim=1).values
    return (steps - barrier).clamp(max=size)
