"""What is known of a sequence without a model: its length, its composition, its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray

_CODES = np.full(256, 255, dtype=np.uint8)
for _number, _base in enumerate(b"ACGT"):
    _CODES[_base] = _number


def word_counts(sequences: Sequence[str], length: int) -> Float32[np.ndarray, "N words"]:
    """How often each word of `length` bases occurs in each sequence; words with anything but ACGT do not."""
    counts = np.zeros((len(sequences), 4**length), dtype=np.float32)
    for row, sequence in enumerate(sequences):
        counts[row] = np.bincount(numbers(sequence, length), minlength=4**length)
    return counts


def both_strands(counts: Float32[np.ndarray, "N words"], length: int) -> Float32[np.ndarray, "N pairs"]:
    """Counts of words together with those of their reverse complements, one column for each pair."""
    partner = _reverse_complements(length)
    first = np.flatnonzero(np.arange(4**length) <= partner)
    palindrome = partner[first] == first
    found: NDArray[np.float32] = counts[:, first] + np.where(palindrome, 0, counts[:, partner[first]])
    return found


def composition(sequences: Sequence[str]) -> Float[np.ndarray, "N 3"]:
    """Length (log bases), share of G and C, and CpG observed over expected."""
    found = np.zeros((len(sequences), 3))
    for row, sequence in enumerate(sequences):
        c, g = sequence.count("C"), sequence.count("G")
        expected = c * g / len(sequence)
        found[row] = (
            np.log(len(sequence)),
            (c + g) / len(sequence),
            sequence.count("CG") / expected if expected else 0.0,
        )
    return found


def numbers(sequence: str, length: int) -> NDArray[np.int64]:
    """The words of a sequence as numbers below 4^length, in order."""
    codes = _CODES[np.frombuffer(sequence.encode(), dtype=np.uint8)]
    if len(codes) < length:
        return np.zeros(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(codes, length)
    whole = windows[(windows < 4).all(axis=1)].astype(np.int64)
    found: NDArray[np.int64] = whole @ (4 ** np.arange(length - 1, -1, -1, dtype=np.int64))
    return found


def _reverse_complements(length: int) -> NDArray[Any]:
    """For each word the number of its reverse complement."""
    words, partner = np.arange(4**length), np.zeros(4**length, dtype=np.int64)
    for _ in range(length):
        partner = partner * 4 + 3 - words % 4
        words = words // 4
    return partner
