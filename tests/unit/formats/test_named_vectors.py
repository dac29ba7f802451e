from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.formats.named_vectors import read_named_vectors


@pytest.mark.parametrize(
    ("name", "text"), [("v.csv", "id,0,1\na,1,2\nb,3,4\n"), ("v.tsv", "id\t0\t1\na\t1\t2\nb\t3\t4\n")]
)
def test_text_has_a_name_and_numbers_in_each_row(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    names, vectors = read_named_vectors(tmp_path / name)
    assert names == ["a", "b"]
    np.testing.assert_array_equal(vectors, [[1, 2], [3, 4]])


def test_parquet_has_a_column_of_text_and_one_of_lists(tmp_path: Path) -> None:
    table = pa.table({"length": [4, 4], "name": ["a", "b"], "vector": [[1.0, 2.0], [3.0, 4.0]]})
    pq.write_table(table, tmp_path / "v.parquet")
    names, vectors = read_named_vectors(tmp_path / "v.parquet")
    assert names == ["a", "b"]
    np.testing.assert_array_equal(vectors, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,0\n", "holds no vectors"),
        ("id,0\na,1\na,2\n", "several vectors called 'a'"),
        ("id,0,1\na,1,2\nb,3\n", "all of one length"),
        ("id,0\na,x\n", "lists of numbers"),
    ],
)
def test_a_table_that_is_wrong_says_how(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_named_vectors(tmp_path / "v.csv")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "v.parquet")
    with pytest.raises(InputError, match="needs a column of names and a column of lists"):
        read_named_vectors(tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"cannot read .*none\.parquet"):
        read_named_vectors(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="its name should end in"):
        read_named_vectors(tmp_path / "v.h5")


def test_npz_has_an_array_of_names_and_one_of_vectors(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", genes=np.array(["a", "b"]), vectors=np.array([[1.0, 2.0], [3.0, 4.0]]))
    names, vectors = read_named_vectors(tmp_path / "v.npz")
    assert names == ["a", "b"]
    np.testing.assert_array_equal(vectors, [[1, 2], [3, 4]])


def test_npz_without_names_for_its_vectors_or_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "short.npz", names=np.array(["a"]), vectors=np.ones((2, 2)))
    with pytest.raises(
        InputError, match=r"one of as many vectors; it has names <U1\[1\], vectors float64\[2, 2\]"
    ):
        read_named_vectors(tmp_path / "short.npz")
    np.savez(tmp_path / "pickled.npz", names=np.array(["a"], dtype=object), vectors=np.ones((1, 2)))
    with pytest.raises(InputError, match="save names as an array of text, not of objects"):
        read_named_vectors(tmp_path / "pickled.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="cannot read"):
        read_named_vectors(tmp_path / "cut.npz")
