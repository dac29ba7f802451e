"""Vectors in NumPy's `.npy`, and beside it a table that says what each row is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import numpy as np

from cistron.formats.atomic import atomic_output
from cistron.formats.table import Cell, TableWriter
from cistron.formats.vectors import Rows, VectorLayout


class NpyVectors:
    """Writes one float32 array, (records, D) or (records, positions, D); implements `VectorWriter`.

    An array has no room for names and settings, so `OUT.npy.tsv` holds the identifying columns, row for row,
    and the metadata before them. A record without vectors is NaN.

    Args:
        path: Where to write the array.
        layout: What will be written; one vector column.
        metadata: How the vectors were made.
    """

    def __init__(self, path: str | Path, layout: VectorLayout, metadata: Mapping[str, str]) -> None:
        self._path: Final = Path(path)
        self._layout: Final = layout
        (self._name,) = layout.vectors
        self._table: Final = TableWriter(rows_path(path), layout.ids, metadata)
        self._resources: Final = ExitStack()
        self._stream: IO[bytes]

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._table)
            temporary = opening.enter_context(atomic_output(self._path))
            self._stream = opening.enter_context(temporary.open("wb"))
            self._write_header()
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, trace)

    def write(self, label: str, ids: Sequence[Cell], pieces: Iterable[Rows] | None) -> None:
        """Write one record; `label` is not needed here."""
        self._table.write_rows([ids])
        if pieces is None:
            shape = self._layout.longest, self._layout.vectors[self._name]
            pieces = [{self._name: np.full(shape, np.nan, np.float32)}]
        for rows in pieces:
            self._stream.write(np.ascontiguousarray(rows[self._name], "<f4").tobytes())

    def _write_header(self) -> None:
        positions = (self._layout.longest,) if self._layout.ragged else ()
        shape = (self._layout.records, *positions, self._layout.vectors[self._name])
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)


def rows_path(path: str | Path) -> Path:
    """Where the table of a `.npy` file's rows lies: `OUT.npy.tsv`."""
    return Path(path).with_name(Path(path).name + ".tsv")
