"""A long table of a few columns, whole in memory, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.formats.atomic import atomic_output


def write_items(
    path: str | Path, columns: Mapping[str, NDArray[Any] | Sequence[Any]], metadata: Mapping[str, str]
) -> None:
    """Write columns of equal length; the type of each is that of its values, NaN stays NaN.

    Raises:
        OutputError: `path` cannot be written.
        ValueError: A column is longer than another.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array(np.asarray(values).tolist()) for values in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(dict(metadata))
    with atomic_output(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_items(path: str | Path) -> dict[str, NDArray[Any]]:
    """All columns of a Parquet file; text as `str`, a missing number as NaN.

    Raises:
        InputError: The file is missing or not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as problem:
        raise InputError(f"cannot read {path}: {problem}") from None
    return {name: _array(table.column(name).to_pylist()) for name in table.column_names}


def _array(values: list[Any]) -> NDArray[Any]:
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else value for value in values], dtype=np.str_)
    if any(value is None for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array(values)
