"""Documents that share the rows of a batch, as rows of their own.

What reads a row from left to right, a filter or attention, then needs to know nothing of documents. They are
gathered in groups of similar length, so padding at most doubles the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cistron.layers.cache import Block, KeyValueCache


@dataclass(frozen=True)
class Runs:
    """Stretches of one document each, right-padded to the longest.

    Attributes:
        rows: Row of the batch that each lies in.
        columns: Column of each token there; padding points to column 0.
        lengths: Tokens of each.
        continued: Whether they go on with what their rows read before the chunk; all or none of them do.
        final: Which are the last of their row, so that the row goes on with them.
    """

    rows: Int[Tensor, "S"]
    columns: Int[Tensor, "S W"]
    lengths: Int[Tensor, "S"]
    continued: bool
    final: Bool[Tensor, "S"]

    @property
    def real(self) -> Bool[Tensor, "S W"]:
        """Which tokens are no padding."""
        return torch.arange(self.columns.shape[1], device=self.rows.device) < self.lengths.unsqueeze(1)

    def taken(self, x: Float[Tensor, "B L C"]) -> Float[Tensor, "S W C"]:
        """The runs' tokens."""
        return x[self.rows.unsqueeze(1), self.columns]

    def put(self, x: Float[Tensor, "B L C"], y: Float[Tensor, "S W C"]) -> Float[Tensor, "B L C"]:
        """`x` with the runs' tokens replaced by `y`."""
        real = self.real
        places = self.rows.unsqueeze(1).expand_as(real)[real], self.columns[real]
        return x.index_put(places, y[real])


def runs_of(
    document_ids: Int[Tensor, "B L"], lengths: Int[Tensor, "B"] | None, previous: Int[Tensor, "B"]
) -> list[Runs]:
    """The runs of a chunk, grouped; empty when every row merely continues its document.

    Args:
        document_ids: Equal neighbours belong together; a number that comes back later is a new document.
        lengths: Real tokens per row; all of them when None.
        previous: Document of the token before the chunk, per row.
    """
    batch, length = document_ids.shape
    before = torch.cat((previous.to(document_ids).unsqueeze(1), document_ids[:, :-1]), dim=1)
    changes = (document_ids != before).cpu()
    counts = [length] * batch if lengths is None else lengths.tolist()
    found: dict[tuple[bool, int], list[tuple[int, int, int, bool]]] = {}
    for row, count in enumerate(counts):
        starts = changes[row, :count].nonzero().flatten().tolist()
        if not starts or starts[0] > 0:
            starts.insert(0, -1)
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            begin = max(start, 0)
            key = start < 0, (end - begin).bit_length()
            found.setdefault(key, []).append((row, begin, end - begin, end == count))
    if all(continued for continued, _ in found):
        return []
    device = document_ids.device
    return [_grouped(group, continued, device) for (continued, _), group in found.items()]


def _grouped(group: list[tuple[int, int, int, bool]], continued: bool, device: torch.device) -> Runs:
    rows, begins, counts, final = (torch.tensor(part, device=device) for part in zip(*group, strict=True))
    steps = torch.arange(int(counts.max()), device=device)
    columns = torch.where(steps < counts.unsqueeze(1), begins.unsqueeze(1) + steps, 0)
    return Runs(rows, columns, counts, continued, final)


def stacked(caches: Sequence[KeyValueCache], rows: Sequence[int]) -> KeyValueCache:
    """One cache of all rows, one batch behind the other; what shorter ones lack is marked as no token.

    Args:
        caches: One per batch.
        rows: Rows of each.
    """
    held = [_written_out(cache, count) for cache, count in zip(caches, rows, strict=True)]
    width = max(keys.shape[2] for keys, _, _ in held)
    keys = torch.cat([F.pad(part, (0, 0, 0, width - part.shape[2])) for part, _, _ in held])
    values = torch.cat([F.pad(part, (0, 0, 0, width - part.shape[2])) for _, part, _ in held])
    valid = torch.cat([F.pad(part, (0, width - part.shape[1])) for _, _, part in held])
    return KeyValueCache([Block(keys, values, None if bool(valid.all()) else valid)], caches[0].dtype)


def _written_out(cache: KeyValueCache, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values and which columns hold a token, one row for each of the batch."""
    joined, valid = cache.joined(), cache.valid(batch)
    assert joined is not None, "a document begins with a token"
    keys, values = (part.repeat_interleave(batch // len(part), dim=0) for part in joined)
    if valid is None:
        valid = torch.ones(batch, keys.shape[2], dtype=torch.bool, device=keys.device)
    return keys, values, valid
