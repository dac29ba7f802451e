"""Files of vectors in all four formats: what went in comes out of the format's own reader."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cistron.errors import OutputError
from cistron.formats import parquet_vectors, zarr_vectors
from cistron.formats.vectors import VectorLayout, open_vectors, refuse_unfit, refuse_unwritable_vectors

anndata = pytest.importorskip("anndata")
zarr = pytest.importorskip("zarr")

IDS = {"name": str, "start": int, "score": float}
METADATA = {"cistron.model": '"m"', "cistron.pooling": '"mean"'}


def rows(count: int, width: int, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def write(path: Path, layout: VectorLayout, records: Iterable[Any]) -> None:
    with open_vectors(path, layout, METADATA) as writer:
        for label, ids, pieces in records:
            writer.write(label, ids, None if pieces is None else iter(pieces))


@pytest.fixture
def pooled() -> tuple[VectorLayout, list[Any]]:
    """Twenty records with two vectors each; names repeat, the fourth has no vectors."""
    records = []
    for number in range(20):
        pieces = [{"embedding": rows(1, 6, number), "other": rows(1, 3, number + 100)}]
        name = f"r{number % 8}"
        records.append((name, (name, number, number / 4), None if number == 3 else pieces))
    return VectorLayout(IDS, {"embedding": 6, "other": 3}, 20), records


@pytest.fixture
def ragged() -> tuple[VectorLayout, list[Any]]:
    """Records of 1 to 5 positions; long ones come in pieces."""
    records = []
    for number in range(11):
        whole = rows(1 + number % 5, 4, number)
        pieces = [{"embedding": part} for part in np.array_split(whole, min(2, len(whole)))]
        records.append((f"r{number}", (f"r{number}", number, 0.5), pieces))
    return VectorLayout(IDS, {"embedding": 4}, 11, True, 5, 1), records


def vectors(records: list[Any], name: str) -> list[Any]:
    """What each record should hold; None where it holds nothing."""
    return [None if pieces is None else np.concatenate([p[name] for p in pieces]) for _, _, pieces in records]


def test_parquet_holds_fixed_size_lists_nulls_and_metadata(tmp_path: Path, pooled: Any) -> None:
    layout, records = pooled
    write(tmp_path / "o.parquet", layout, records)
    table = pq.read_table(tmp_path / "o.parquet")
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[6]"
    assert {key.decode(): value.decode() for key, value in table.schema.metadata.items()} == METADATA
    assert table["name"].to_pylist() == [ids[0] for _, ids, _ in records]
    assert table["score"].to_pylist() == [ids[2] for _, ids, _ in records]
    for name in ("embedding", "other"):
        for found, expected in zip(table[name].to_pylist(), vectors(records, name), strict=True):
            if expected is None:
                assert found is None
            else:
                np.testing.assert_array_equal(np.float32(found), expected[0])


def test_parquet_holds_lists_of_vectors_for_positions(tmp_path: Path, ragged: Any) -> None:
    layout, records = ragged
    write(tmp_path / "o.parquet", layout, records)
    column = pq.read_table(tmp_path / "o.parquet")["embedding"]
    assert str(column.type) == "list<element: fixed_size_list<element: float>[4]>"
    for found, expected in zip(column.to_pylist(), vectors(records, "embedding"), strict=True):
        np.testing.assert_array_equal(np.float32(found), expected)


def test_parquet_writes_large_files_group_by_group(
    tmp_path: Path, pooled: Any, ragged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_vectors, "_GROUP_BYTES", 100)
    for layout, records in (pooled, ragged):
        write(tmp_path / "o.parquet", layout, records)
        assert pq.ParquetFile(tmp_path / "o.parquet").num_row_groups > 2
        found = pq.read_table(tmp_path / "o.parquet")["embedding"].to_pylist()
        for one, expected in zip(found, vectors(records, "embedding"), strict=True):
            np.testing.assert_array_equal(
                np.float32(one) if one else one, expected if layout.ragged or one is None else expected[0]
            )


def test_h5ad_is_read_by_anndata_with_distinct_names(tmp_path: Path, pooled: Any) -> None:
    layout, records = pooled
    write(tmp_path / "o.h5ad", layout, records)
    found = anndata.read_h5ad(tmp_path / "o.h5ad")
    assert found.shape == (20, 6)
    assert list(found.obs.columns) == list(IDS)
    assert list(found.obs["start"]) == list(range(20))
    assert list(found.obs_names[:9]) == [*(f"r{i}" for i in range(8)), "r0-1"]
    assert found.obs_names.is_unique
    assert dict(found.uns["cistron"]) == {"model": '"m"', "pooling": '"mean"'}
    for number, expected in enumerate(vectors(records, "embedding")):
        np.testing.assert_array_equal(
            found.X[number], np.full(6, np.nan) if expected is None else expected[0]
        )
    np.testing.assert_array_equal(found.obsm["other"][5], vectors(records, "other")[5][0])


def test_zarr_holds_an_array_for_each_column(tmp_path: Path, pooled: Any) -> None:
    layout, records = pooled
    write(tmp_path / "o.zarr", layout, records)
    group = zarr.open_group(tmp_path / "o.zarr", mode="r")
    assert dict(group.attrs) == METADATA
    assert sorted(group.array_keys()) == ["embedding", "name", "other", "score", "start"]
    assert list(group["name"][:]) == [ids[0] for _, ids, _ in records]
    assert np.isnan(group["embedding"][3]).all()
    np.testing.assert_array_equal(group["embedding"][4], vectors(records, "embedding")[4][0])


def test_zarr_offsets_say_which_rows_are_whose(
    tmp_path: Path, ragged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zarr_vectors, "_RECORDS_AT_ONCE", 3)
    layout, records = ragged
    write(tmp_path / "o.zarr", layout, records)
    group = zarr.open_group(tmp_path / "o.zarr", mode="r")
    offsets = group["offsets"][:]
    assert len(offsets) == 12
    for number, expected in enumerate(vectors(records, "embedding")):
        found = group["embedding"][offsets[number] : offsets[number + 1]]
        np.testing.assert_array_equal(found, expected)
    assert group["start"].shape == (11,)


def test_npy_is_one_array_with_its_rows_in_a_table_beside_it(tmp_path: Path, pooled: Any) -> None:
    _, records = pooled
    write(tmp_path / "o.npy", VectorLayout(IDS, {"other": 3}, 20), records)
    found = np.load(tmp_path / "o.npy")
    assert found.shape == (20, 3)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[5], vectors(records, "other")[5][0])
    assert np.isnan(found[3]).all()
    lines = (tmp_path / "o.npy.tsv").read_text().splitlines()
    assert lines[:4] == ['##cistron.model="m"', '##cistron.pooling="mean"', "name\tstart\tscore", "r0\t0\t0"]
    assert len(lines) == 23


def test_npy_positions_make_a_third_axis(tmp_path: Path) -> None:
    records = [("r", ("r", 0, 0.0), [{"x": rows(2, 4, i)}, {"x": rows(3, 4, i + 50)}]) for i in range(6)]
    write(tmp_path / "o.npy", VectorLayout(IDS, {"x": 4}, 6, True, 5, 5), records)
    found = np.load(tmp_path / "o.npy")
    assert found.shape == (6, 5, 4)
    np.testing.assert_array_equal(found[2], vectors(records, "x")[2])


@pytest.mark.parametrize("ending", [".parquet", ".npy", ".h5ad", ".zarr"])
def test_the_same_records_give_the_same_bytes(tmp_path: Path, pooled: Any, ending: str) -> None:
    _, records = pooled
    layout = VectorLayout(IDS, {"embedding": 6}, 20)
    chosen = [
        (label, ids, pieces and [{"embedding": pieces[0]["embedding"]}]) for label, ids, pieces in records
    ]
    found = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder / f"o{ending}", layout, chosen)
        found.append({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert found[0] == found[1]


@pytest.mark.parametrize("ending", [".parquet", ".npy", ".h5ad", ".zarr"])
def test_a_failure_leaves_no_file(tmp_path: Path, ending: str) -> None:
    layout = VectorLayout(IDS, {"x": 4}, 2)

    def interrupted() -> Iterator[Any]:
        yield "a", ("a", 1, 1.0), [{"x": rows(1, 4, 1)}]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / f"o{ending}", layout, interrupted())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "layout", "reason"),
    [
        (".npy", VectorLayout(IDS, {"a": 4, "b": 4}, 3), "holds one array and a, b were asked for"),
        (".npy", VectorLayout(IDS, {"a": 4}, 3, True, 9, 2), "2 to 9; cut them with --window"),
        (".h5ad", VectorLayout(IDS, {"a": 4}, 3, True, 9, 9), "one vector for each record"),
        (".parquet", VectorLayout(IDS, {"a": 1024}, 3, True, 1_000_000, 1), "4.1 GB of a Parquet cell"),
        (".txt", VectorLayout(IDS, {"a": 4}, 3), "ends in .parquet, .npy, .h5ad, .zarr"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_the_reason(
    ending: str, layout: VectorLayout, reason: str
) -> None:
    with pytest.raises(OutputError) as error:
        refuse_unfit(f"o{ending}", layout)
    assert reason in str(error.value)


@pytest.mark.parametrize("ending", [".parquet", ".npy", ".h5ad", ".zarr"])
def test_a_place_that_cannot_be_written_is_known_before(tmp_path: Path, ending: str) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        refuse_unwritable_vectors(tmp_path / "none" / f"o{ending}")
    refuse_unwritable_vectors(tmp_path / f"o{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("ending", "package"), [(".h5ad", "anndata"), (".zarr", "zarr")])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, ending: str, package: str
) -> None:
    lines = (
        f"import sys; sys.modules['{package}'] = None",
        "from cistron.formats.vectors import refuse_unwritable_vectors",
        f"refuse_unwritable_vectors({str(tmp_path / 'o')!r} + '{ending}')",
    )
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert f"needs the package {package}: pip install 'cistron[anndata]'" in found.stderr.splitlines()[-1]


def test_whole_numbers_that_zarr_cannot_leave_out_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="'start' lacks a value"),
        open_vectors(tmp_path / "o.zarr", VectorLayout(IDS, {"x": 4}, 1), {}) as writer,
    ):
        writer.write("a", ("a", None, 1.0), [{"x": rows(1, 4, 1)}])
