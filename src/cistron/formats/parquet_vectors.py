"""Vectors in Parquet: fixed-size lists of float32, or lists of them where each position has its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float32

from cistron.formats.atomic import atomic_output
from cistron.formats.table import Cell, ColumnType
from cistron.formats.vectors import Rows, VectorLayout

_GROUP_BYTES: Final = 64 << 20
"""A row group is what a reader takes into memory at once."""

_GROUP_RECORDS: Final = 1 << 16


class ParquetVectors:
    """Writes records as rows, the metadata in the schema; implements `VectorWriter`.

    A record without vectors has null in its vector columns.

    Args:
        path: Where to write.
        layout: What will be written.
        metadata: How the vectors were made.
    """

    def __init__(self, path: str | Path, layout: VectorLayout, metadata: Mapping[str, str]) -> None:
        self._path: Final = path
        self._layout: Final = layout
        self._schema: Final = _schema(layout, metadata)
        self._resources: Final = ExitStack()
        self._file: Any = None
        self._ids: list[Sequence[Cell]] = []
        self._vectors: list[Rows | None] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            temporary = opening.enter_context(atomic_output(self._path))
            # Vectors repeat no value, so a dictionary of them would only be tried and given up.
            options = {"compression": "zstd", "use_dictionary": list(self._layout.ids)}
            self._file = opening.enter_context(pq.ParquetWriter(temporary, self._schema, **options))
            opening.push(self._flush_if_well)
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, trace)

    def write(self, label: str, ids: Sequence[Cell], pieces: Iterable[Rows] | None) -> None:
        """Write one record; `label` is not needed here."""
        rows = None if pieces is None else _joined(list(pieces))
        self._ids.append(ids)
        self._vectors.append(rows)
        self._bytes += 0 if rows is None else sum(array.nbytes for array in rows.values())
        if self._bytes >= _GROUP_BYTES or len(self._ids) >= _GROUP_RECORDS:
            self._flush()

    def _flush_if_well(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None and self._ids:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._ids, strict=True)
        types = [self._schema.field(name).type for name in self._layout.ids]
        arrays = [pa.array(cells, type=kind) for cells, kind in zip(columns, types, strict=True)]
        arrays += [self._vector_array(name) for name in self._layout.vectors]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._ids, self._vectors, self._bytes = [], [], 0

    def _vector_array(self, name: str) -> Any:
        """One vector column of the waiting records."""
        width = self._layout.vectors[name]
        empty = np.zeros((0 if self._layout.ragged else 1, width), np.float32)
        parts = [empty if rows is None else rows[name] for rows in self._vectors]
        missing = pa.array([rows is None for rows in self._vectors])
        values = pa.array(np.concatenate(parts).reshape(-1))
        if not self._layout.ragged:
            return pa.FixedSizeListArray.from_arrays(values, type=_vector_type(width), mask=missing)
        inner = pa.FixedSizeListArray.from_arrays(values, type=_vector_type(width))
        offsets = pa.array(np.cumsum([0, *map(len, parts)]), type=pa.int32())
        return pa.ListArray.from_arrays(offsets, inner, type=pa.list_(_vector_type(width)), mask=missing)


def _schema(layout: VectorLayout, metadata: Mapping[str, str]) -> pa.Schema:
    types: dict[ColumnType, Any] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    fields = [pa.field(name, types[kind]) for name, kind in layout.ids.items()]
    for name, width in layout.vectors.items():
        kind = _vector_type(width)
        fields.append(pa.field(name, pa.list_(kind) if layout.ragged else kind))
    return pa.schema(fields, metadata=dict(metadata))


def _vector_type(width: int) -> Any:
    return pa.list_(pa.float32(), width)


def _joined(pieces: list[Rows]) -> dict[str, Float32[np.ndarray, "R D"]]:
    if len(pieces) == 1:
        return dict(pieces[0])
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
