from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.formats.items import read_items, write_items


def test_columns_come_back_with_their_types_and_nan(tmp_path: Path) -> None:
    columns = {
        "item": np.array(["a", "b"]),
        "label": np.array([0, 1]),
        "score": np.array([0.5, np.nan]),
        "right": np.array([True, False]),
    }
    write_items(tmp_path / "a.parquet", columns, {"cistron.task": "t"})
    found = read_items(tmp_path / "a.parquet")
    assert {name: values.dtype.kind for name, values in found.items()} == {
        "item": "U",
        "label": "i",
        "score": "f",
        "right": "b",
    }
    for name, values in columns.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_file_that_is_missing_or_not_parquet_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_items(tmp_path / "none.parquet")
    (tmp_path / "a.parquet").write_text("text")
    with pytest.raises(InputError, match="cannot read"):
        read_items(tmp_path / "a.parquet")
