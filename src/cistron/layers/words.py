"""Words of consecutive bases in sequences of any length, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 24
"""Bases read at a time: bounds the memory whatever the length of the sequences."""

_CODE_OF_BYTE = np.full(256, -1, dtype=np.int8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "Tt")):
    _CODE_OF_BYTE[[ord(letter) for letter in _letters]] = _code


def blocks(
    sequences: Iterable[str], overlap: int, progress: Callable[[int], None] | None = None
) -> Iterator[NDArray[np.int8]]:
    """Codes of all sequences as one stream, −1 between and for everything but A, C, G and T in either case.

    Args:
        sequences: Bases.
        overlap: Codes before it that each block repeats; a word of `overlap` + 1 bases is thus in one block.
        progress: Called after each block with the number of bases read so far.
    """
    waiting, size, read = [np.full(overlap, -1, dtype=np.int8)], 0, 0
    for sequence in sequences:
        for start in range(0, len(sequence), _BLOCK):
            text = sequence[start : start + _BLOCK].encode("ascii", errors="replace")
            waiting.append(_CODE_OF_BYTE[np.frombuffer(text, dtype=np.uint8)])
            size += len(text)
            read += len(text)
            if size >= _BLOCK:
                block = np.concatenate(waiting)
                yield block
                waiting, size = [block[len(block) - overlap :]], 0
                if progress is not None:
                    progress(read)
        waiting.append(np.full(1, -1, dtype=np.int8))
        size += 1
    yield np.concatenate(waiting)
    if progress is not None:
        progress(read)


def words(block: NDArray[np.int8], size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The words of `size` bases at every position as numbers in base 4, and which are whole.

    The first base is the highest digit; A, C, G, T are 0 to 3.
    """
    length = max(len(block) - size + 1, 0)
    word = np.zeros(length, dtype=np.int64)
    valid = np.ones(length, dtype=bool)
    for start in range(size):
        codes = block[start : start + length]
        word *= 4
        word += codes
        valid &= codes >= 0
    return word, valid
