"""Pooling: many hidden states to one vector, taken in piece by piece so that they are never held together."""

from __future__ import annotations

import tempfile
from copy import copy
from typing import Final, Literal, Protocol, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

Pooling = Literal["mean", "max", "last", "none"]
"""How the positions of a sequence become one vector; `none` keeps every position."""

_HELD_BYTES: Final = 256 << 20
"""States of every position beyond this lie in a temporary file instead of memory."""


_ADDED_AT_ONCE: Final = 256


class Pool(Protocol):
    """What becomes of the hidden states of one sequence and layer."""

    def add(self, states: Float[Tensor, "L D"]) -> None:
        """Take in the states of the next positions; at least one."""
        ...

    def fork(self) -> Pool:
        """A pool that goes on from here; the original stays as it is."""
        ...

    def result(self) -> Float[np.ndarray, "*L D"]:
        """The vector, or with `none` one row for each position; float32, or float64 if the states were."""
        ...


def make_pool(pooling: Pooling, positions: int) -> Pool:
    """An empty pool.

    Args:
        pooling: The rule.
        positions: How many states will come in all.
    """
    if pooling == "none":
        return _Every(positions)
    kinds: dict[Pooling, type[Pool]] = {"mean": _Mean, "max": _Max, "last": _Last}
    return kinds[pooling]()


class _Forkable:
    """A pool whose parts are replaced and never changed, so that a shallow copy is a fork."""

    def fork(self) -> Self:
        return copy(self)


class _Mean(_Forkable):
    """The sum in float64: over a million positions float32 would lose what tells two sequences apart.

    Few rows at a time are added in float32 before, which loses nothing to speak of and is ten times faster.
    """

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._dtype = torch.float32
        self._positions = 0

    def add(self, states: Float[Tensor, "L D"]) -> None:
        pieces = torch.split(states.to(wide_dtype(states)), _ADDED_AT_ONCE)
        added = torch.stack([rows.sum(dim=0) for rows in pieces]).sum(dim=0, dtype=torch.float64)
        self._sum = added if self._sum is None else self._sum + added
        self._dtype = wide_dtype(states)
        self._positions += len(states)

    def result(self) -> Float[np.ndarray, "D"]:
        assert self._sum is not None
        return _array((self._sum / self._positions).to(self._dtype))


class _Max(_Forkable):
    def __init__(self) -> None:
        self._best: Tensor | None = None

    def add(self, states: Float[Tensor, "L D"]) -> None:
        best = states.amax(dim=0)
        self._best = best if self._best is None else torch.maximum(self._best, best)

    def result(self) -> Float[np.ndarray, "D"]:
        assert self._best is not None
        return _array(self._best.to(wide_dtype(self._best)))


class _Last(_Forkable):
    def __init__(self) -> None:
        self._last: Tensor | None = None

    def add(self, states: Float[Tensor, "L D"]) -> None:
        # A copy, or the vector would keep the whole chunk alive.
        self._last = states[-1].to(wide_dtype(states), copy=True)

    def result(self) -> Float[np.ndarray, "D"]:
        assert self._last is not None
        return _array(self._last)


class _Every:
    def __init__(self, positions: int) -> None:
        self._positions = positions
        self._rows: NDArray[np.floating] | None = None
        self._filled = 0

    def add(self, states: Float[Tensor, "L D"]) -> None:
        new = _array(states.to(wide_dtype(states)))
        if self._rows is None:
            self._rows = _room((self._positions, new.shape[1]), new.dtype)
        self._rows[self._filled : self._filled + len(new)] = new
        self._filled += len(new)

    def fork(self) -> _Every:
        other = copy(self)
        other._rows = None if self._rows is None else self._rows.copy()
        return other

    def result(self) -> Float[np.ndarray, "L D"]:
        assert self._rows is not None
        return self._rows


def wide_dtype(states: Tensor) -> torch.dtype:
    """The dtype of results: float32, or float64 if the states are."""
    return torch.promote_types(states.dtype, torch.float32)


def _array(values: Tensor) -> NDArray[np.floating]:
    array: NDArray[np.floating] = values.cpu().numpy()
    return array


def _room(shape: tuple[int, int], dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    """An array to fill: in memory, or when large in a file that goes with it."""
    if shape[0] * shape[1] * dtype.itemsize <= _HELD_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="cistron-") as file:
        return np.memmap(file, dtype, "w+", shape=shape)
