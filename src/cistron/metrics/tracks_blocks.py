"""Reading tracks block by block: what is judged of them, and which bases are drawn together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from cistron.errors import InputError
from cistron.genome import Interval

Signal = Callable[[str, int, int], Float[np.ndarray, "L"]]
"""Coverage of `chrom[start:end]`, 0-based half-open; never negative, NaN where a base has none."""

Known = Callable[[str, int, int], Bool[np.ndarray, "L"]]
"""Which bases of `chrom[start:end]` are to be judged."""

BIN: Final = 128
BLOCK: Final = 1 << 17
"""Fewest bases of a block where none are asked for: 131,072, a whole number of bins."""

MOST_BLOCKS: Final = 500
"""Blocks grow so that there are no more of them, because memory grows with their number."""


def usual_block(regions: Iterable[Interval]) -> int:
    """Bases of a block that suit the regions: 131,072, or more where that would be over 500 blocks."""
    bases = sum(map(len, regions))
    return max(BLOCK, -(-bases // (MOST_BLOCKS * BIN)) * BIN)


def blocks_of(regions: Iterable[Interval], size: int) -> Iterator[list[Interval]]:
    """Yield what lies of the regions in each `size` bp of a contig, counted from its first base.

    Args:
        regions: Those of a contig follow one another in ascending order.
        size: Bases of a block.
    """
    pieces = (
        Interval(region.chrom, max(cell, region.start), min(cell + size, region.end))
        for region in regions
        for cell in range(region.start // size * size, region.end, size)
    )
    for _, block in groupby(pieces, key=lambda piece: (piece.chrom, piece.start // size)):
        yield list(block)


def require_values(
    name: str, values: Float[np.ndarray, "L"], wanted: Bool[np.ndarray, "L"], at: Interval
) -> None:
    """Return silently when a track has a value at every base that is wanted.

    Args:
        name: Of the track; empty for the measured one.
        values: Along `at`.
        wanted: Which bases must have one.
        at: The place.

    Raises:
        InputError: It lacks one; the message says where the first is.
    """
    lacking = np.flatnonzero(np.isnan(values) & wanted)
    if len(lacking):
        track = f"prediction '{name}'" if name else "the measurement"
        raise InputError(
            f"{track} has no value at {len(lacking):,} bases of {at.chrom}:{at.start + 1:,}-{at.end:,}, the "
            f"first at {at.start + int(lacking[0]) + 1:,}; leave them out of the regions, or let gaps be zero"
        )


class BlockReader:
    """Reads a block of all tracks; the measured one has no name."""

    def __init__(self, measured: Signal, predicted: Mapping[str, Signal], known: Known | None) -> None:
        self._sources: Final = {"": measured, **predicted}
        self._known: Final = known

    def read(self, pieces: Sequence[Interval]) -> dict[tuple[str, str], Float[np.ndarray, "N"]]:
        """(name, level) → the values that are to be judged in a block."""
        found: dict[tuple[str, str], list[Float[np.ndarray, "N"]]] = {}
        for piece in pieces:
            for key, values in self._read(piece):
                found.setdefault(key, []).append(values)
        return {key: np.concatenate(parts) for key, parts in found.items()}

    def _read(self, at: Interval) -> Iterator[tuple[tuple[str, str], Float[np.ndarray, "N"]]]:
        place = at.chrom, at.start, at.end
        counts = np.ones(len(at), dtype=bool) if self._known is None else self._known(*place)
        bins = len(at) // BIN
        whole = counts[: bins * BIN].reshape(bins, BIN).all(axis=1)
        for name, source in self._sources.items():
            values = source(*place)
            require_values(name, values, counts, at)
            yield (name, "base"), values[counts]
            yield (name, "bin"), values[: bins * BIN].reshape(bins, BIN)[whole].mean(axis=1)
