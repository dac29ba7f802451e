"""Tiling: long sequences cut into blocks, each read with context on either side.

A model reads a window; a base at its beginning has seen nothing. So windows overlap, and every base is taken
from one where enough stands before it. The cut depends on the sequence's own coordinates alone: a stretch of
a contig is read in the very windows in which the whole contig is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cistron.errors import WindowError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tile:
    """Bases to predict and what is read around them, 0-based half-open.

    Attributes:
        start: First base to predict.
        end: One past the last.
        left: Where the plus strand is read from, up to `end`; negative across the origin of a ring.
        right: Where the minus strand is read from, down to `start`.
    """

    start: int
    end: int
    left: int
    right: int

    def __len__(self) -> int:
        return self.end - self.start

    def tokens(self, strands: int) -> int:
        """Bases read for it, on one strand or on two."""
        return self.end - self.left + (self.right - self.start if strands == 2 else 0)


@dataclass(frozen=True, slots=True)
class Tiling:
    """How sequences are cut: every base has `context` bases before it unless the sequence begins there.

    A linear sequence that fits into `block + context` is one block, read whole.

    Attributes:
        block: Bases predicted in one window.
        context: Bases read before them.
    """

    block: int
    context: int

    @property
    def window(self) -> int:
        """Bases read at once."""
        return self.block + self.context

    @classmethod
    def of_width(cls, width: int) -> Tiling:
        """Windows of `width` bp of which half is context."""
        return cls(width - width // 2, width // 2)

    @classmethod
    def of_stride(cls, window: int, stride: int) -> Tiling:
        """Windows of `window` bp that begin `stride` apart.

        Raises:
            WindowError: The stride is not between 1 and the window, so bases would be left out.
        """
        if not 1 <= stride <= window:
            raise WindowError(
                f"a stride of {stride:,} bp does not fit windows of {window:,} bp; use 1 to {window:,}"
            )
        return cls(stride, window - stride)

    def tiles(self, length: int, *, circular: bool = False) -> Iterator[Tile]:
        """All blocks of a sequence of `length` bp, in order."""
        yield from self.tiles_of(0, length, length, circular=circular)

    def tiles_of(self, start: int, end: int, length: int, *, circular: bool = False) -> Iterator[Tile]:
        """The blocks of a sequence of `length` bp as far as they lie in `start` to `end`, in order.

        Where the sequence is circular, a window reaches across its ends but reads no base twice.
        """
        block = length if length <= self.window and not circular else self.block
        if not start < end:
            return
        for cell in range(start // block * block, end, block):
            cell_end = min(cell + block, length)
            around = min(self.context, length - (cell_end - cell)) if circular else self.context
            left, right = cell - around, cell_end + around
            if not circular:
                left, right = max(left, 0), min(right, length)
            yield Tile(max(cell, start), min(cell_end, end), left, right)

    def count(self, length: int) -> int:
        """How many blocks a linear sequence of `length` bp has."""
        return -(-length // self.block) if length > self.window else min(length, 1)


def in_shards(
    items: Iterable[T], tokens: Callable[[T], int], least: int, *, most: int | None = None
) -> Iterator[list[T]]:
    """Gather items that follow one another until `least` tokens, or `most` items, are together.

    Depends on the items alone, so a run that is taken up again works through the same shards.
    """
    shard: list[T] = []
    gathered = 0
    for item in items:
        shard.append(item)
        gathered += tokens(item)
        if gathered >= least or len(shard) == most:
            yield shard
            shard, gathered = [], 0
    if shard:
        yield shard
