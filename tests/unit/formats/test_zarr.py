"""Zarr folders: what is read back, what is replaced, and what is left behind."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cistron.errors import OutputError
from cistron.formats import zarr as module
from cistron.formats.zarr import ZarrWriter, refuse_unwritable_folder

zarr = pytest.importorskip("zarr")

ROWS = np.random.default_rng(1).normal(size=(1000, 4)).astype(np.float32)


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 16 rows of `ROWS`, 4 to a file."""
    monkeypatch.setattr(module, "_CHUNK_BYTES", 256)
    monkeypatch.setattr(module, "_CHUNKS_PER_FILE", 4)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def write(path: Path, pieces: Iterator[Any] | list[Any], **metadata: str) -> None:
    with ZarrWriter(path, metadata) as writer:
        for piece in pieces:
            writer.append("x", piece)


@pytest.mark.usefixtures("small_files")
def test_arrays_come_back_with_their_metadata(tmp_path: Path) -> None:
    names = ["a", "longer", "ü", ""]
    with ZarrWriter(tmp_path / "o.zarr", {"model": "m"}) as writer:
        for part in np.array_split(ROWS, 7):
            writer.append("x", part)
        writer.append("names", np.array(names[:1]))
        writer.append("names", np.array(names[1:]))
        writer.append("count", np.arange(5, dtype=np.int64))
        writer.append("empty", np.empty((0, 3), np.float32))
    group = zarr.open_group(tmp_path / "o.zarr", mode="r")
    assert dict(group.attrs) == {"model": "m"}
    np.testing.assert_array_equal(group["x"][:], ROWS)
    assert group["x"].chunks == (16, 4)
    assert group["x"].shards == (64, 4)
    assert list(group["names"][:]) == names
    assert list(group["count"][:]) == [0, 1, 2, 3, 4]
    assert group["empty"].shape == (0, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["o.zarr"]


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("cuts", [7, 64, 1000])
def test_the_bytes_do_not_depend_on_how_the_rows_came(tmp_path: Path, cuts: int) -> None:
    write(tmp_path / "one.zarr", [ROWS], a="1", b="2")
    write(tmp_path / "many.zarr", np.array_split(ROWS, cuts), b="2", a="1")
    assert content(tmp_path / "one.zarr") == content(tmp_path / "many.zarr")


@pytest.mark.usefixtures("small_files")
def test_rows_may_be_changed_behind_the_writers_back(tmp_path: Path) -> None:
    rows = ROWS[:5].copy()
    with ZarrWriter(tmp_path / "o.zarr") as writer:
        writer.append("x", rows)
        rows[:] = 0
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "o.zarr")["x"][:], ROWS[:5])


@pytest.mark.parametrize("wrong", [ROWS[:, :3], ROWS.astype(np.float64)])
def test_rows_of_another_shape_or_type_are_refused(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ValueError, match="x holds rows"):
        write(tmp_path / "o.zarr", [ROWS, wrong])
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_older_store_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "o.zarr", [ROWS])
    before = content(tmp_path / "o.zarr")

    def interrupted() -> Iterator[Any]:
        yield ROWS * 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "o.zarr", interrupted())
    assert content(tmp_path / "o.zarr") == before
    assert [path.name for path in tmp_path.iterdir()] == ["o.zarr"]


def test_an_older_store_is_replaced_whole(tmp_path: Path) -> None:
    with ZarrWriter(tmp_path / "o.zarr") as writer:
        writer.append("old", ROWS)
    write(tmp_path / "o.zarr", [ROWS])
    assert list(zarr.open_group(tmp_path / "o.zarr").array_keys()) == ["x"]
    assert [path.name for path in tmp_path.iterdir()] == ["o.zarr"]


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.zarr").mkdir()
    (tmp_path / "thesis.zarr" / "chapter1.tex").write_text("years of work")
    for attempt in (refuse_unwritable_folder, lambda path: write(path, [ROWS])):
        with pytest.raises(OutputError, match="something else than a Zarr store"):
            attempt(tmp_path / "thesis.zarr")
    assert (tmp_path / "thesis.zarr" / "chapter1.tex").read_text() == "years of work"


def test_a_file_in_the_way_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "o.zarr").write_text("text")
    with pytest.raises(OutputError, match="it is a file"):
        refuse_unwritable_folder(tmp_path / "o.zarr")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    for attempt in (refuse_unwritable_folder, lambda path: write(path, [ROWS])):
        with pytest.raises(OutputError, match="does not exist"):
            attempt(tmp_path / "none" / "o.zarr")


def test_nothing_is_written_outside_the_block(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with block"):
        ZarrWriter(tmp_path / "o.zarr").append("x", ROWS)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            write(tmp_path / "o.zarr", [ROWS])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
