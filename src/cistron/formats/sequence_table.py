"""Tables with a column of sequences, TSV, CSV or Parquet, read row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cistron.errors import InputError
from cistron.formats.bgzf import read_lines
from cistron.formats.table import Cell, ColumnType

_ROWS_AT_ONCE: Final = 1024


class SequenceRow(NamedTuple):
    """One row: its sequence, and the cells of all other columns."""

    sequence: str
    kept: tuple[Cell, ...]


class SequenceTable:
    """The rows of a `.tsv`, `.csv` or `.parquet` file, iterated as often as needed in flat memory.

    Text, plain or gzip, has one line of column names; lines before it that begin with `##` are skipped, and
    every cell is text. Cells of a CSV file may be quoted, but not run over several lines. Parquet columns of
    whole numbers, floats, truth values and texts keep their kind; anything else is turned into text.

    Args:
        path: The file.
        column: Name of the column of sequences.

    Attributes:
        name: What to call it in messages.
        kept: Column → type, of all columns but that of the sequences, in file order.

    Raises:
        InputError: The file is missing, empty, damaged or lacks the column, or two columns share a name.
    """

    def __init__(self, path: str | Path, column: str = "sequence") -> None:
        self.name: Final = str(path)
        self._path: Final = Path(path)
        self._is_parquet: Final = self._path.suffix == ".parquet"
        self._is_csv: Final = self._path.name.removesuffix(".gz").endswith(".csv")
        types = _parquet_columns(self._path) if self._is_parquet else dict.fromkeys(self._tsv_names(), str)
        if column not in types:
            found = ", ".join(types) or "it has none"
            raise InputError(f"{path} has no column '{column}'; name one with --column: {found}")
        self._column: Final = column
        self._names: Final = list(types)
        self.kept: Final[Mapping[str, ColumnType]] = {n: kind for n, kind in types.items() if n != column}

    def __iter__(self) -> Iterator[SequenceRow]:
        """The rows in file order.

        Raises:
            InputError: A row has another number of cells than there are columns, or is not UTF-8.
        """
        place = self._names.index(self._column)
        for cells in self._parquet_rows() if self._is_parquet else self._tsv_rows():
            kept = (*cells[:place], *cells[place + 1 :])
            yield SequenceRow(str(cells[place] or ""), kept)

    def _tsv_lines(self) -> Iterator[tuple[int, str]]:
        """Numbers, from 1, and texts of the lines that matter, the one of column names first."""
        before = True
        for number, line in enumerate(read_lines(self._path), 1):
            before = before and line.startswith("##")
            if not before and line:
                if not line.isascii() and any("\ud800" <= letter <= "\udfff" for letter in line):
                    raise InputError(f"{self.name} line {number:,} is not UTF-8; convert the file")
                yield number, line

    def _tsv_names(self) -> list[str]:
        _, line = next(self._tsv_lines(), (0, ""))
        names = self._split(line.removeprefix("#"))
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{self.name} has two columns called '{twice}'; rename one")
        return names if line else []

    def _tsv_rows(self) -> Iterator[Sequence[Cell]]:
        lines = self._tsv_lines()
        next(lines)
        for number, line in lines:
            cells = self._split(line)
            if len(cells) != len(self._names):
                between = "commas" if self._is_csv else "tabs"
                raise InputError(
                    f"{self.name} line {number:,} has {len(cells)} cells for {len(self._names)} columns;"
                    f" cells are separated by {between}"
                )
            yield cells

    def _split(self, line: str) -> list[str]:
        return next(csv.reader([line])) if self._is_csv else line.split("\t")

    def _parquet_rows(self) -> Iterator[Sequence[Cell]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(self._path) as file:
            try:
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=self._names):
                    columns = [_cells(batch.column(n), self.kept.get(n, str)) for n in self._names]
                    yield from zip(*columns, strict=True)
            except (OSError, pa.ArrowException) as error:
                raise InputError(f"{self.name} is damaged: {str(error).splitlines()[0]}") from error


def _parquet_columns(path: Path) -> dict[str, ColumnType]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the name") from None
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}") from None
    if len(set(schema.names)) < len(schema.names):
        raise InputError(f"{path} has two columns of one name; rename one")
    return {field.name: _column_type(field.type) for field in schema}


def _column_type(kind: Any) -> ColumnType:
    import pyarrow.types as pat

    if pat.is_boolean(kind):
        return bool
    if pat.is_integer(kind) and not pat.is_uint64(kind):
        return int
    return float if pat.is_floating(kind) else str


def _cells(column: Any, kind: ColumnType) -> list[Cell]:
    """The values of a column, as text where that is the kind."""
    values: list[Cell] = column.to_pylist()
    return [value if value is None else str(value) for value in values] if kind is str else values
