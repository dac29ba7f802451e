"""Vectors in Zarr: an array for each column, and offsets into it where every position has a vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from cistron.errors import OutputError
from cistron.formats.table import Cell, ColumnType
from cistron.formats.vectors import Rows, VectorLayout
from cistron.formats.zarr import ZarrWriter

OFFSETS: Final = "offsets"
"""Record *i* has the rows `offsets[i]` to `offsets[i + 1]` of every ragged array."""

_RECORDS_AT_ONCE: Final = 1 << 12


class ZarrVectors:
    """Writes identifying columns and vectors as arrays of one group; implements `VectorWriter`.

    A record without vectors is NaN, or has no rows when ragged.

    Args:
        path: The folder to write.
        layout: What will be written.
        metadata: How the vectors were made; the attributes of the group.
    """

    def __init__(self, path: str | Path, layout: VectorLayout, metadata: Mapping[str, str]) -> None:
        self._layout: Final = layout
        self._writer: Final = ZarrWriter(path, metadata)
        self._ids: list[Sequence[Cell]] = []
        self._total = 0
        self._offsets = [0]
        self._resources: Final = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._writer)
            for name, width in self._layout.vectors.items():
                self._writer.append(name, np.empty((0, width), np.float32))
            opening.push(lambda kind, error, trace: self._flush() if kind is None else None)
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, trace)

    def write(self, label: str, ids: Sequence[Cell], pieces: Iterable[Rows] | None) -> None:
        """Write one record; `label` is not needed here."""
        for piece in self._missing() if pieces is None else pieces:
            for name, values in piece.items():
                self._writer.append(name, values)
            self._total += len(next(iter(piece.values())))
        self._ids.append(ids)
        self._offsets.append(self._total)
        if len(self._ids) == _RECORDS_AT_ONCE:
            self._flush()

    def _missing(self) -> list[Rows]:
        if self._layout.ragged:
            return []
        return [
            {name: np.full((1, width), np.nan, np.float32) for name, width in self._layout.vectors.items()}
        ]

    def _flush(self) -> None:
        for number, (name, kind) in enumerate(self._layout.ids.items()):
            self._writer.append(name, _array(name, [ids[number] for ids in self._ids], kind))
        if self._layout.ragged:
            self._writer.append(OFFSETS, np.array(self._offsets, np.int64))
        self._ids, self._offsets = [], []


def _array(name: str, cells: Sequence[Cell], kind: ColumnType) -> Any:
    if kind is str:
        return np.array(["" if cell is None else str(cell) for cell in cells], np.dtypes.StringDType())
    if kind is float:
        return np.array([np.nan if cell is None else cell for cell in cells], np.float64)
    if None in cells:
        raise OutputError(
            f"the column '{name}' lacks a value, which Zarr cannot say of whole numbers; write .parquet"
        )
    return np.array(cells, kind)
