from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cistron.errors import OutputError
from cistron.formats import columns
from cistron.formats.columns import ColumnWriter

SCHEMA = {"name": str, "pos": np.int64, "value": np.float32}


def rows(start: int, stop: int) -> dict:
    values = np.arange(start, stop, dtype=np.float64) / 3
    values[np.arange(start, stop) % 5 == 0] = np.nan
    return {"name": [f"n{i}" for i in range(start, stop)], "pos": np.arange(start, stop), "value": values}


def write(path: Path, cuts: list[int]) -> Path:
    with ColumnWriter(path, SCHEMA, {"cistron.model": "m"}) as table:
        for start, stop in zip([0, *cuts], [*cuts, 1000], strict=True):
            table.append(rows(start, stop))
    return path


def test_columns_are_kept_with_their_types_and_nan_is_missing(tmp_path):
    table = pq.read_table(write(tmp_path / "a.parquet", [400]))
    assert [str(field.type) for field in table.schema] == ["string", "int64", "float"]
    assert table.schema.metadata[b"cistron.model"] == b"m"
    assert table["pos"].to_pylist() == list(range(1000))
    assert table["name"].to_pylist()[-1] == "n999"
    assert table["value"].null_count == 200
    assert table["value"][1].as_py() == np.float32(1 / 3)


def test_the_same_rows_give_the_same_bytes_however_they_were_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "_ROWS_PER_GROUP", 128)
    ways = ([], [1], [127, 128, 129, 500], [256], list(range(50, 1000, 50)))
    files = {
        write(tmp_path / f"{number}.parquet", list(cuts)).read_bytes() for number, cuts in enumerate(ways)
    }
    assert len(files) == 1
    groups = pq.ParquetFile(tmp_path / "0.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [128] * 7 + [104]


def test_after_an_error_there_is_no_file(tmp_path):
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(RuntimeError))
        table = stack.enter_context(ColumnWriter(tmp_path / "a.parquet", SCHEMA, {}))
        table.append(rows(0, 10))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_columns_of_unequal_length_are_a_mistake_of_the_caller(tmp_path):
    with pytest.raises(ValueError, match="length"), ColumnWriter(tmp_path / "a.parquet", SCHEMA, {}) as table:
        table.append({**rows(0, 10), "pos": np.arange(9)})


def test_a_table_without_rows_has_its_columns(tmp_path):
    with ColumnWriter(tmp_path / "a.parquet", SCHEMA, {}):
        pass
    assert pq.read_table(tmp_path / "a.parquet").column_names == list(SCHEMA)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"ends in \.parquet"):
        ColumnWriter(tmp_path / "a.csv", SCHEMA, {})
