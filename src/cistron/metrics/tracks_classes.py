"""Classes of values that ranks are computed from where there are too many values to sort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

MEASURED: Final = 64
PREDICTED: Final = 256
"""Classes that ranks are told apart by; more for predictions, of which hardly any are equal."""

_SHIFT: Final = 12  # keeps eleven bits behind the point: values alike to 0.05 per cent share a code
_CODES: Final = 1 << (32 - _SHIFT - 1)

_Values = Float[np.ndarray, "N"]


@dataclass(frozen=True)
class Classes:
    """Classes of values that are not negative, in ascending order; the first is zero.

    Attributes:
        begin: Code at which each class but the first begins.
    """

    begin: Int[np.ndarray, "K"]

    def __len__(self) -> int:
        return len(self.begin) + 1

    def of(self, values: _Values) -> Int[np.ndarray, "N"]:
        """Number of the class of each value, from 0."""
        return np.searchsorted(self.begin, _codes(values), side="right")

    def lowest(self) -> Float[np.ndarray, "K1"]:
        """Lowest value of each class."""
        codes = np.concatenate(([0], self.begin)).astype(np.uint32) << _SHIFT
        return codes.view(np.float32).astype(np.float64)


class ValueCounts:
    """How often each value occurs, alike to 0.05 per cent; from this come classes of equal size."""

    def __init__(self) -> None:
        self._counts = np.zeros(_CODES, dtype=np.int64)

    def add(self, values: _Values) -> None:
        """Count values; none is negative or NaN."""
        self._counts += np.bincount(_codes(values), minlength=_CODES)

    def classes(self, most: int) -> Classes:
        """Zero, and at most `most` − 1 classes of about equally many values above it."""
        beyond = np.cumsum(self._counts[1:])
        wanted = beyond[-1] * np.arange(1, most - 1) / (most - 1)
        begin = np.unique([1, *(np.searchsorted(beyond, wanted, side="right") + 1)])
        return Classes(begin[begin < _CODES])


def _codes(values: _Values) -> Int[np.ndarray, "N"]:
    """Codes that rise with the value; 0 is zero alone."""
    # The bits of floats that are not negative are ordered as the floats are; abs takes the sign off a zero.
    bits = np.abs(values.astype(np.float32)).view(np.uint32)
    return np.asarray(bits >> _SHIFT, dtype=np.int64)
