"""Tables with a column of sequences."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.formats.sequence_table import SequenceTable


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_tsv_rows_keep_all_other_columns_as_text(tmp_path: Path) -> None:
    path = table(tmp_path / "t.tsv", "##made=by\n##x=y\nid\tsequence\ty\na\tACGT\t1\n##b\tAC\t\n")
    found = SequenceTable(path)
    assert found.kept == {"id": str, "y": str}
    assert [tuple(row) for row in found] == [("ACGT", ("a", "1")), ("AC", ("##b", ""))]
    assert len(list(found)) == 2


def test_gzip_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b"#dna\tn\r\nACGT\t1\r\n\r\n"))
    assert [tuple(row) for row in SequenceTable(path, "dna")] == [("ACGT", ("1",))]


def test_parquet_columns_keep_their_kinds(tmp_path: Path) -> None:
    columns = {
        "i": pa.array([1, None], pa.int32()),
        "dna": pa.array(["ACGT", None]),
        "f": pa.array([0.5, 2], pa.float32()),
        "t": pa.array([True, False]),
        "d": pa.array(["x", "y"]).dictionary_encode(),
        "l": pa.array([[1, 2], []]),
        "u": pa.array([2**64 - 1, 0], pa.uint64()),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    found = SequenceTable(tmp_path / "t.parquet", "dna")
    assert found.kept == {"i": int, "f": float, "t": bool, "d": str, "l": str, "u": str}
    rows = list(found)
    assert rows[0] == ("ACGT", (1, 0.5, True, "x", "[1, 2]", str(2**64 - 1)))
    assert rows[1] == ("", (None, 2.0, False, "y", "[]", "0"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tdna\na\tACGT\n", "no column 'sequence'; name one with --column: id, dna"),
        ("id\tid\tsequence\n", "two columns called 'id'"),
        ("##only=metadata\n", "no column 'sequence'"),
        ("id\tsequence\na\n", "line 2 has 1 cells for 2 columns"),
        ("id\tsequence\n\na\tACGT\textra\n", "line 3 has 3 cells"),
    ],
)
def test_a_malformed_table_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = table(tmp_path / "t.tsv", text)
    with pytest.raises(InputError) as error:
        list(SequenceTable(path))
    assert message in str(error.value)


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("id\tsequence\nmüller\tACGT\n".encode("latin-1"))
    with pytest.raises(InputError, match="line 2 is not UTF-8"):
        list(SequenceTable(tmp_path / "t.tsv"))


@pytest.mark.parametrize("name", ["t.tsv", "t.parquet"])
def test_missing_empty_and_foreign_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        SequenceTable(tmp_path / name)
    (tmp_path / name).touch()
    with pytest.raises(InputError):
        SequenceTable(tmp_path / name)
    (tmp_path / name).write_bytes(b"\x00\x01\x02" * 50)
    with pytest.raises(InputError):
        SequenceTable(tmp_path / name)


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"sequence": ["ACGT" * 300] * 2000, "n": list(range(2000))}), path)
    content = bytearray(path.read_bytes())
    content[8:200] = bytes(192)
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="damaged"):
        list(SequenceTable(path))
