"""Tables: rows streamed to TSV or Parquet, by the ending of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output
from cistron.formats.bgzf import bgzf_output
from cistron.formats.numbers import format_float

if TYPE_CHECKING:
    import pyarrow as pa

Cell = str | int | float | bool | None
ColumnType = type[str] | type[int] | type[float] | type[bool]

_ROWS_PER_GROUP: Final = 1 << 16
_ENDINGS: Final = ".tsv, .tsv.gz or .parquet"


class TableWriter:
    """Writes rows to `.tsv`, `.tsv.gz` (BGZF) or `.parquet` in flat memory; a context manager.

    TSV begins with one `##key=value` line for each entry of the metadata, then the column names; a missing
    value is empty and floats have six significant digits. Parquet keeps the metadata in the schema and floats
    in full. The file appears under its name only when the block ends without an exception. The same rows give
    the same bytes.

    Args:
        path: Where to write.
        schema: Column → `str`, `int`, `float` or `bool`, in order. Every column may hold None.
        metadata: How the table was made.

    Raises:
        OutputError: The ending is none of these, or `path` cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        schema: Mapping[str, ColumnType],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._path: Final = Path(path)
        self._schema: Final = dict(schema)
        self._metadata: Final = dict(metadata or {})
        self._resources: Final = ExitStack()
        self._sink: _Sink | None = None
        if not self._path.name.endswith((".tsv", ".tsv.gz", ".parquet")):
            raise OutputError(f"cannot write {path}: a table ends in {_ENDINGS}")

    def __enter__(self) -> TableWriter:
        with ExitStack() as opening:
            temporary = opening.enter_context(atomic_output(self._path))
            self._sink = self._open(temporary, opening)
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._sink = None
        return self._resources.__exit__(kind, error, trace)

    def write_rows(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Write rows; each has one cell for every column, in the order of the schema.

        Raises:
            ValueError: A row has another number of cells.
            OutputError: The disk is full.
        """
        if self._sink is None:
            raise ValueError("a TableWriter writes only inside its with block")
        for row in rows:
            if len(row) != len(self._schema):
                raise ValueError(f"a row has {len(row)} cells for {len(self._schema)} columns")
            self._sink.write(row)

    def _open(self, path: Path, resources: ExitStack) -> _Sink:
        if self._path.suffix == ".parquet":
            return resources.enter_context(_ParquetSink(path, self._schema, self._metadata))
        packed = self._path.suffix == ".gz"
        stream = resources.enter_context(bgzf_output(path) if packed else path.open("wb"))
        return _TsvSink(stream, self._schema, self._metadata)


class _Sink(Protocol):
    def write(self, row: Sequence[Cell]) -> None:
        """Take one row."""
        ...


class _TsvSink:
    def __init__(
        self, stream: IO[bytes], schema: Mapping[str, ColumnType], metadata: Mapping[str, str]
    ) -> None:
        self._stream = stream
        lines = [f"##{key}={value}" for key, value in metadata.items()] + ["\t".join(schema)]
        stream.write(("\n".join(lines) + "\n").encode())

    def write(self, row: Sequence[Cell]) -> None:
        self._stream.write(("\t".join(map(_text, row)) + "\n").encode("utf-8", "surrogateescape"))


class _ParquetSink:
    """Gathers rows into groups of `_ROWS_PER_GROUP`."""

    def __init__(self, path: Path, schema: Mapping[str, ColumnType], metadata: Mapping[str, str]) -> None:
        import pyarrow.parquet as pq

        self._schema = _arrow_schema(schema, metadata)
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Sequence[Cell]] = []

    def __enter__(self) -> _ParquetSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._file.close()

    def write(self, row: Sequence[Cell]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            columns: list[Any] = list(zip(*self._rows, strict=True))
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, self._schema, strict=True)]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []


def _arrow_schema(schema: Mapping[str, ColumnType], metadata: Mapping[str, str]) -> pa.Schema:
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return pa.schema([pa.field(name, types[kind]) for name, kind in schema.items()], metadata=dict(metadata))


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return format_float(cell) if isinstance(cell, float) else str(cell)
