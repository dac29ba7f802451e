"""Keys and values that an attention layer has read, in blocks that are written once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BLOCK_TOKENS: Final = 8192
"""Tokens up to which small chunks are gathered in one block. A larger chunk is a block as it is."""

_LEAST_ROOM: Final = 256
_WRITING: Final = threading.Lock()


class Block(NamedTuple):
    """Some of the tokens that a cache holds.

    Attributes:
        keys: Of fewer rows than the batch where rows share their past: row *i* then serves the batch's rows
            *i·n* to *i·n + n - 1*.
        values: Alike.
        valid: Which columns hold a token of the row; None where all do.
    """

    keys: Float[Tensor, "R KV C K"]
    values: Float[Tensor, "R KV C K"]
    valid: Bool[Tensor, "R C"] | None


class KeyValueCache:
    """Keys and values of the tokens one attention layer has read.

    A cache never changes. `appended` writes behind the last column that anybody sees, in memory that the old
    cache and the new one share, or opens another block; so reading a sequence chunk by chunk or token by
    token copies nothing that was read before, but small blocks while they grow. A cache that somebody else
    has already continued gets a copy of its last block alone. Rows that repeat one past (`fork`) share it
    for good.

    Rows may differ in length: columns that hold no token of a row are marked, and never moved.

    Args:
        blocks: Tokens in the order they were read.
        dtype: Keys and values are kept in it; None for the one they come in.
    """

    def __init__(self, blocks: Sequence[Block] = (), dtype: torch.dtype | None = None) -> None:
        self._views = tuple(_View(_Buffer(*block), block.keys.shape[2]) for block in blocks)
        self.dtype: Final = dtype

    def blocks(self) -> list[Block]:
        """What is held, in the order it was read."""
        return [view.block() for view in self._views]

    @property
    def nbytes(self) -> int:
        """Bytes of what is held."""
        return sum(part.nbytes for block in self.blocks() for part in block if part is not None)

    def joined(self) -> tuple[Tensor, Tensor] | None:
        """All keys and values as two tensors, possibly of fewer rows; None before the first token.

        A copy where there are several blocks.
        """
        blocks = self.blocks()
        if not blocks:
            return None
        return join([block.keys for block in blocks]), join([block.values for block in blocks])

    def valid(self, batch: int) -> Bool[Tensor, "B P"] | None:
        """Which columns of what `joined` gives hold a token of each row of the batch; None where all do."""
        blocks = self.blocks()
        if all(block.valid is None for block in blocks):
            return None
        return torch.cat([_marks(block, batch) for block in blocks], dim=1)

    def appended(
        self,
        keys: Float[Tensor, "B KV L K"],
        values: Float[Tensor, "B KV L K"],
        valid: Bool[Tensor, "B L"] | None = None,
    ) -> KeyValueCache:
        """A new cache with a chunk added behind; this one is unchanged.

        Args:
            keys: Rotated. May be kept as they are, so nobody may write to them.
            values: Alike.
            valid: Which of the columns are tokens; all of them when None.
        """
        if not keys.shape[2]:
            return self
        if self.dtype is not None:
            keys, values = keys.to(self.dtype), values.to(self.dtype)
        chunk = Block(keys, values, valid)
        *before, last = self._views or (None,)
        extended = None if last is None else last.extended(chunk)
        if extended is not None:
            return self._with((*(view for view in before if view is not None), extended))
        kept = Block(_own(keys), _own(values), valid)
        return self._with((*self._views, _View(_Buffer(*kept), keys.shape[2])))

    def fork(self, rows: Int[Tensor, "R"], batch: int) -> KeyValueCache:
        """A cache whose row *i* is row `rows[i]` of this one, which serves `batch` rows.

        Copies nothing where every row is repeated equally often. Columns that hold no token of any row that
        is left are dropped.
        """
        return self._with(tuple(view.fork(rows, batch) for view in self._views))

    def first(self, columns: int) -> KeyValueCache:
        """A cache of the first columns, which are tokens where rows are equally long; copies nothing."""
        kept = []
        for view in self._views:
            length = min(view.length, columns)
            columns -= length
            if length:
                kept.append(_View(view.buffer, length))
        return self._with(tuple(kept))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> KeyValueCache:
        """The same cache on another device or in another dtype, in which later chunks are kept as well."""
        moved = [
            Block(
                block.keys.to(device=device, dtype=dtype),
                block.values.to(device=device, dtype=dtype),
                None if block.valid is None else block.valid.to(device),
            )
            for block in self.blocks()
        ]
        return KeyValueCache(moved, dtype or self.dtype)

    def _with(self, views: tuple[_View, ...]) -> KeyValueCache:
        made = KeyValueCache((), self.dtype)
        made._views = views
        return made


class _Buffer:
    """Memory of a block with room behind what is written; several caches look at its first columns."""

    def __init__(self, keys: Tensor, values: Tensor, valid: Tensor | None) -> None:
        self.keys, self.values, self.valid = keys, values, valid
        self.filled = keys.shape[2]

    @property
    def room(self) -> int:
        """Columns there is memory for."""
        return self.keys.shape[2]

    @property
    def frozen(self) -> bool:
        """Whether torch forbids writing here now."""
        made_in_inference = self.keys.is_inference() and not torch.is_inference_mode_enabled()
        return self.keys.requires_grad or made_in_inference

    def moved(self, columns: int, room: int) -> _Buffer:
        """The first columns again, in memory of its own with more room."""
        parts = []
        for old in (self.keys, self.values):
            new = old.new_empty((*old.shape[:2], room, old.shape[3]))
            new[:, :, :columns] = old[:, :, :columns]
            parts.append(new)
        valid = self.valid
        if valid is not None:
            valid = torch.nn.functional.pad(valid[:, :columns], (0, room - columns))
        made = _Buffer(parts[0], parts[1], valid)
        made.filled = columns
        return made

    def grow(self, room: int) -> None:
        """Get more room; who looks at the buffer sees the same columns, and the old memory is given back."""
        bigger = self.moved(self.filled, room)
        self.keys, self.values, self.valid = bigger.keys, bigger.values, bigger.valid

    def write(self, chunk: Block) -> None:
        """Write a chunk behind the last column."""
        columns = slice(self.filled, self.filled + chunk.keys.shape[2])
        self.keys[:, :, columns] = chunk.keys
        self.values[:, :, columns] = chunk.values
        if self.valid is None and chunk.valid is not None:
            self.valid = chunk.valid.new_zeros((len(self.keys), self.room))
            self.valid[:, : self.filled] = True
        if self.valid is not None:
            self.valid[:, columns] = True if chunk.valid is None else chunk.valid
        self.filled = columns.stop


class _View(NamedTuple):
    """The first columns of a buffer."""

    buffer: _Buffer
    length: int

    def block(self) -> Block:
        """What is seen."""
        keys, values, valid = self.buffer.keys, self.buffer.values, self.buffer.valid
        if self.length == keys.shape[2]:
            return Block(keys, values, valid)
        columns = slice(0, self.length)
        return Block(keys[:, :, columns], values[:, :, columns], None if valid is None else valid[:, columns])

    def extended(self, chunk: Block) -> _View | None:
        """A view of this and a small chunk behind it in one buffer; None where they are better kept apart."""
        buffer, total = self.buffer, self.length + chunk.keys.shape[2]
        alike = (
            buffer.keys.shape[:2] == chunk.keys.shape[:2]
            and buffer.keys.dtype == chunk.keys.dtype
            and buffer.keys.device == chunk.keys.device
        )
        # What a gradient may be asked for must not be written to.
        if not alike or total > BLOCK_TOKENS or torch.is_grad_enabled():
            return None
        room = min(max(2 * total, _LEAST_ROOM), BLOCK_TOKENS)
        with _WRITING:
            if buffer.filled != self.length or buffer.frozen:
                buffer = buffer.moved(self.length, room)
            elif total > buffer.room:
                buffer.grow(room)
            buffer.write(chunk)
        return _View(buffer, total)

    def fork(self, rows: Int[Tensor, "R"], batch: int) -> _View:
        """The rows that serve `rows` of the batch."""
        block = self.block()
        served = len(block.keys)
        rows = rows.to(block.keys.device) // (batch // served)
        kept, counts = torch.unique_consecutive(rows, return_counts=True)
        if bool((counts == counts[0]).all()):
            rows = kept
        if len(rows) == served and bool((rows == torch.arange(served, device=rows.device)).all()):
            return self
        chosen = _chosen(block, rows)
        return _View(_Buffer(*chosen), chosen.keys.shape[2])


def _chosen(block: Block, rows: Int[Tensor, "R"]) -> Block:
    """A copy of some rows, without columns that are none of theirs."""
    if block.valid is None:
        return Block(block.keys.index_select(0, rows), block.values.index_select(0, rows), None)
    valid = block.valid[rows]
    columns = valid.any(0).nonzero().squeeze(1)
    keys, values = (part.index_select(0, rows).index_select(2, columns) for part in block[:2])
    valid = valid[:, columns]
    return Block(keys, values, None if bool(valid.all()) else valid)


def _marks(block: Block, batch: int) -> Bool[Tensor, "B C"]:
    """`valid` written out for every row of the batch."""
    rows, _, columns, _ = block.keys.shape
    if block.valid is None:
        return torch.ones(batch, columns, dtype=torch.bool, device=block.keys.device)
    return block.valid.repeat_interleave(batch // rows, dim=0)


def _own(part: Tensor) -> Tensor:
    """The tensor itself, or a copy where it is a small part of memory that would be kept for its sake."""
    if part.requires_grad or part.untyped_storage().nbytes() <= 2 * part.nbytes:
        return part
    return part.clone(memory_format=torch.contiguous_format)


def join(parts: list[Tensor]) -> Tensor:
    """Parts one behind the other, repeated to the rows of the largest."""
    if len(parts) == 1:
        return parts[0]
    rows = max(len(part) for part in parts)
    dtype = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
    return torch.cat([_repeated(part, rows).to(dtype) for part in parts], dim=2)


def _repeated(part: Tensor, rows: int) -> Tensor:
    return part if len(part) == rows else part.repeat_interleave(rows // len(part), dim=0)
