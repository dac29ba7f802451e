"""Rows of vectors as bytes, for journals; safetensors inside, so nothing is executed in reading them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
from safetensors.numpy import load, save

from cistron.formats.vectors import Rows

_HEAD: Final = struct.Struct("<Q")
BLOCK_BYTES: Final = 32 << 20
"""What a block holds in memory at most, unless a single row is larger."""


class Block(NamedTuple):
    """Some rows, and what a run must know to go on behind them.

    Attributes:
        batch_tokens: Batch size in force when they were made.
        rows: Vector column → rows.
    """

    batch_tokens: int
    rows: Rows

    def pack(self) -> bytes:
        """The block as bytes."""
        tensors = {name: np.ascontiguousarray(values) for name, values in self.rows.items()}
        return _HEAD.pack(self.batch_tokens) + bytes(save(tensors))

    @classmethod
    def unpack(cls, payload: bytes) -> Block:
        """The block that `pack` made bytes of."""
        (batch_tokens,) = _HEAD.unpack_from(payload)
        return cls(batch_tokens, load(payload[_HEAD.size :]))


def count_rows(rows: Rows) -> int:
    """How many rows there are."""
    return len(next(iter(rows.values())))


def gather_rows(records: Iterable[Rows], most_bytes: int) -> Iterator[Rows]:
    """Join the rows of records, and cut those of long ones, into blocks of about `most_bytes`.

    Where the cuts fall depends on the records alone.
    """
    waiting: list[Rows] = []
    size = 0
    for rows in records:
        row_bytes = max(1, sum(values.nbytes for values in rows.values()) // max(1, count_rows(rows)))
        step = max(1, most_bytes // row_bytes)
        for start in range(0, count_rows(rows), step):
            piece = {name: values[start : start + step] for name, values in rows.items()}
            waiting.append(piece)
            size += row_bytes * count_rows(piece)
            if size >= most_bytes:
                yield _joined(waiting)
                waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[Rows]) -> Rows:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


class RowStream:
    """Takes rows from blocks in order, as many at a time as wanted, one block in memory.

    Args:
        payloads: What `Block.pack` made.
    """

    def __init__(self, payloads: Iterable[bytes]) -> None:
        self._blocks: Iterator[Rows] = (Block.unpack(payload).rows for payload in payloads)
        self._block: Rows | None = None
        self._used = 0

    def take(self, count: int) -> Iterator[Rows]:
        """Yield the next `count` rows in pieces; exhaust it before taking more.

        Raises:
            ValueError: Fewer are left.
        """
        while count:
            if self._block is None or self._used == count_rows(self._block):
                self._block, self._used = next(self._blocks, None), 0
                if self._block is None:
                    raise ValueError(f"the blocks lack {count} rows")
            end = min(self._used + count, count_rows(self._block))
            piece = {name: values[self._used : end] for name, values in self._block.items()}
            count -= end - self._used
            self._used = end
            yield piece
