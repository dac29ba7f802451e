"""Random numbers without a state: what a row of a step gets follows from the seed and from both numbers.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox4x64-10: a function
of a key (here the seed and the step) and of a counter (here the row) that yields four words.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_WORD = 2**64
_ROWS, _STEP = 0, 1


def row_points(seed: int, step: int, rows: range, attempt: int = 0) -> Float[np.ndarray, "R 4"]:
    """Four numbers from [0, 1) for each of some rows that follow one another.

    Args:
        seed: Any whole number; counted modulo 2^64.
        step: From 0.
        rows: Their numbers, from 0.
        attempt: Each gives a row other numbers.
    """
    return _points(seed, step, [rows.start, 0, attempt, _ROWS], len(rows))


def step_point(seed: int, step: int) -> float:
    """A number from [0, 1) for a step, apart from those of its rows."""
    return float(_points(seed, step, [0, 0, 0, _STEP], 1)[0, 0])


def _points(seed: int, step: int, counter: list[int], rows: int) -> Float[np.ndarray, "R 4"]:
    key = np.array([seed % _WORD, step], dtype=np.uint64)
    words = np.random.Philox(counter=np.array(counter, dtype=np.uint64), key=key).random_raw(4 * rows)
    # The 53 bits that a float64 holds.
    points: Float[np.ndarray, "R 4"] = (words >> np.uint64(11)).reshape(-1, 4) * 2.0**-53
    return points
