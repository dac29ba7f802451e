"""Keys and values that an attention layer has read."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass
class KeyValueCache:
    """Keys and values of the tokens one attention layer has read, `(B, KV, P, K)`.

    Chunks are kept as they come and joined only when they are next attended to, so that the last chunk of a
    sequence is never copied. After a `fork` that repeats every row equally often, a part has fewer rows than
    the batch: its row *i* serves the batch's rows *i·n* to *i·n + n - 1* and is never copied either.
    """

    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def joined(self) -> tuple[Tensor, Tensor] | None:
        """All keys and values as two tensors, possibly of fewer rows; None before the first token."""
        if not self.keys:
            return None
        if len(self.keys) > 1:
            self.keys, self.values = [join(self.keys)], [join(self.values)]
        return self.keys[0], self.values[0]

    def appended(self, keys: Tensor, values: Tensor) -> KeyValueCache:
        """A new cache with a chunk added behind; this one is unchanged."""
        return KeyValueCache([*self.keys, keys], [*self.values, values])

    def fork(self, rows: Int[Tensor, "R"], batch: int) -> KeyValueCache:
        """A cache whose row *i* is row `rows[i]` of this one, which serves `batch` rows."""
        joined = self.joined()
        if joined is None:
            return KeyValueCache()
        rows = rows.to(joined[0].device) // (batch // len(joined[0]))
        kept, counts = torch.unique_consecutive(rows, return_counts=True)
        if bool((counts == counts[0]).all()):
            rows = kept
        whole = len(rows) == len(joined[0]) and bool(
            (rows == torch.arange(len(rows), device=rows.device)).all()
        )
        return KeyValueCache(*([part if whole else part.index_select(0, rows)] for part in joined))

    def first(self, length: int) -> KeyValueCache:
        """A cache of the first `length` tokens; its tensors are views."""
        joined = self.joined()
        if joined is None:
            return KeyValueCache()
        return KeyValueCache(*([part[:, :, :length]] for part in joined))

    def to(self, device: torch.device | str | None, dtype: torch.dtype | None) -> KeyValueCache:
        """The same cache on another device or in another dtype."""
        return KeyValueCache(
            [part.to(device=device, dtype=dtype) for part in self.keys],
            [part.to(device=device, dtype=dtype) for part in self.values],
        )


def join(parts: list[Tensor]) -> Tensor:
    """Parts one behind the other, repeated to the rows of the largest."""
    rows = max(len(part) for part in parts)
    return torch.cat([_repeated(part, rows) for part in parts], dim=2)


def _repeated(part: Tensor, rows: int) -> Tensor:
    return part if len(part) == rows else part.repeat_interleave(rows // len(part), dim=0)
