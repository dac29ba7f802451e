"""Parquet by columns: as many rows as a genome has bases; `table.py` writes row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output

Column = NDArray[Any] | Sequence[str]

_ROWS_PER_GROUP: Final = 1 << 18


class ColumnWriter:
    """Writes blocks of rows, given as columns, to Parquet in flat memory; a context manager.

    NaN becomes a missing value. The file appears under its name only when the block ends without an
    exception. The same rows give the same bytes, however they were cut.

    Args:
        path: Ends in `.parquet`.
        schema: Column → `str` or a numpy type such as `np.float32`, in order.
        metadata: How the table was made; kept in the file's schema.

    Raises:
        OutputError: The ending is another one, or `path` cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        schema: Mapping[str, type[str] | type[np.generic]],
        metadata: Mapping[str, str],
    ) -> None:
        if not str(path).endswith(".parquet"):
            raise OutputError(f"cannot write {path}: the name of a Parquet file ends in .parquet")
        self._path: Final = Path(path)
        self._names: Final = dict(schema)
        self._metadata: Final = dict(metadata)
        self._resources: Final = ExitStack()
        self._file: Any = None
        self._waiting: list[Any] = []
        self._rows = 0

    def __enter__(self) -> ColumnWriter:
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [
            pa.field(name, pa.string() if kind is str else pa.from_numpy_dtype(kind))
            for name, kind in self._names.items()
        ]
        self._schema = pa.schema(fields, metadata=self._metadata)
        with ExitStack() as opening:
            temporary = opening.enter_context(atomic_output(self._path))
            self._file = opening.enter_context(pq.ParquetWriter(temporary, self._schema, compression="zstd"))
            opening.push(self._flush_if_well)
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, trace)

    def append(self, columns: Mapping[str, Column]) -> None:
        """Add rows.

        Args:
            columns: Every column of the schema, all of one length.

        Raises:
            ValueError: A column is missing or longer than another.
            OutputError: The disk is full.
        """
        import pyarrow as pa

        arrays = [
            pa.array(columns[name], type=field.type, from_pandas=True)
            for name, field in zip(self._names, self._schema, strict=True)
        ]
        rows = pa.Table.from_arrays(arrays, schema=self._schema)
        while len(rows):
            part = rows.slice(0, _ROWS_PER_GROUP - self._rows)
            self._waiting.append(part)
            self._rows += len(part)
            rows = rows.slice(len(part))
            if self._rows == _ROWS_PER_GROUP:
                self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._file.write_table(pa.concat_tables(self._waiting).combine_chunks(), _ROWS_PER_GROUP)
            self._waiting, self._rows = [], 0

    def _flush_if_well(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self._flush()
