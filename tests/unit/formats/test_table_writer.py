from __future__ import annotations

import gzip
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cistron.errors import OutputError
from cistron.formats.table import TableWriter

SCHEMA = {"chrom": str, "pos": int, "llr": float, "coding": bool}
ROWS = [("20", 5, -1.23456789, True), ("X", 6, None, False), ("Y", None, 0.5, None)]
METADATA = {"model": "default", "width": "512"}


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
def test_tsv_has_metadata_a_heading_and_six_digits(tmp_path: Path, name: str) -> None:
    with TableWriter(tmp_path / name, SCHEMA, METADATA) as table:
        table.write_rows(ROWS)
    data = (tmp_path / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith("gz") else data).decode()
    assert text == (
        "##model=default\n##width=512\nchrom\tpos\tllr\tcoding\n"
        "20\t5\t-1.23457\tTrue\nX\t6\t\tFalse\nY\t\t0.5\t\n"
    )


def test_parquet_keeps_types_metadata_and_full_floats(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.parquet", SCHEMA, METADATA) as table:
        table.write_rows(ROWS)
    back = pq.read_table(tmp_path / "t.parquet")
    assert [tuple(row.values()) for row in back.to_pylist()] == ROWS
    assert back.schema.metadata == {b"model": b"default", b"width": b"512"}
    assert [str(kind) for kind in back.schema.types] == ["string", "int64", "double", "bool"]


def test_parquet_rows_are_grouped_so_that_memory_is_bounded(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.parquet", {"n": int}) as table:
        table.write_rows((number,) for number in range(140_000))
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(3)] == [65_536, 65_536, 8_928]
    assert file.read().column("n").to_pylist() == list(range(140_000))


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.parquet"])
def test_an_empty_table_is_valid_and_a_failed_one_leaves_nothing(tmp_path: Path, name: str) -> None:
    with TableWriter(tmp_path / name, SCHEMA):
        pass
    assert (tmp_path / name).stat().st_size > 0
    (tmp_path / name).unlink()

    def fail() -> None:
        with TableWriter(tmp_path / name, SCHEMA) as table:
            table.write_rows([("20", 5)])

    with pytest.raises(ValueError, match="2 cells for 4 columns"):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.parquet"])
def test_a_full_disk_is_one_clear_line(full_disk: AbstractContextManager[Path], name: str) -> None:
    def fill(folder: Path) -> None:
        with TableWriter(folder / name, {"text": str}) as table:
            table.write_rows((f"{number * 7919 % 999983}",) for number in range(140_000))

    with full_disk as folder:
        with pytest.raises(OutputError, match="the disk is full"):
            fill(folder)
        assert list(folder.iterdir()) == []


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"t\.csv: a table ends in \.tsv, \.tsv\.gz or \.parquet"):
        TableWriter(tmp_path / "t.csv", SCHEMA)
