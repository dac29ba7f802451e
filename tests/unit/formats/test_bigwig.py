from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import InputError, OutOfBoundsError, OutputError, UnknownContigError
from cistron.formats.bigwig import BigWig, Run, bigwig_contigs, read_bigwig, write_bigwig

NAN = float("nan")


def run(chrom: str, start: int, *values: float) -> Run:
    return Run(chrom, start, np.array(values, dtype=np.float32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.bw"


def test_what_is_written_is_read_and_the_rest_has_no_value(path):
    runs = [run("2", 5, 1.5, NAN, -2.25), run("2", 10, 0.0), run("1", 0, 7.0)]
    assert write_bigwig(path, {"2": 20, "1": 9, "empty": 4}, runs) == 4
    assert bigwig_contigs(path) == {"1": 9, "2": 20}
    expected = np.full(20, NAN)
    expected[[5, 7, 10]] = [1.5, -2.25, 0.0]
    np.testing.assert_array_equal(read_bigwig(path, "2", 0, 20), expected)
    np.testing.assert_array_equal(read_bigwig(path, "2", 6, 11), expected[6:11])
    assert read_bigwig(path, "1", 0, 1) == [7.0]


@given(st.lists(st.floats(width=32, allow_infinity=False) | st.just(NAN), min_size=1, max_size=60), st.data())
def test_values_survive_however_they_were_cut(tmp_path_factory, values, data):
    if all(value != value for value in values):
        return
    folder = tmp_path_factory.mktemp("cut")
    array = np.array(values, dtype=np.float32)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    runs = [
        Run("x", low, array[low:high]) for low, high in zip([0, *cuts], [*cuts, len(values)], strict=True)
    ]
    write_bigwig(folder / "a.bw", {"x": 100}, runs)
    write_bigwig(folder / "b.bw", {"x": 100}, [Run("x", 0, array)])
    assert (folder / "a.bw").read_bytes() == (folder / "b.bw").read_bytes()
    np.testing.assert_array_equal(read_bigwig(folder / "a.bw", "x", 0, len(values)), array)


@given(st.lists(st.floats(width=32, allow_infinity=False) | st.just(NAN), min_size=1, max_size=40))
def test_other_libraries_read_every_value_at_its_own_base(tmp_path_factory, values):
    if all(value != value for value in values):
        return
    path, array = tmp_path_factory.mktemp("other") / "a.bw", np.array(values, dtype=np.float32)
    write_bigwig(path, {"x": 50}, [Run("x", 3, array)])
    expected = np.concatenate([np.full(3, NAN), array, np.full(47 - len(array), NAN)])
    with pyBigWig.open(str(path)) as file:
        np.testing.assert_array_equal(file.values("x", 0, 50, numpy=True), expected.astype(np.float32))
    with pybigtools.open(str(path)) as file:
        np.testing.assert_array_equal(file.values("x", 0, 50, fillna=None), expected)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.floats(-9, 9, width=32)), min_size=1))
def test_what_another_library_wrote_is_read_at_its_own_bases(tmp_path_factory, entries):
    path, at = tmp_path_factory.mktemp("other") / "a.bw", 0
    expected = np.full(1_000, NAN)
    starts, ends = [], []
    for gap, length, value in entries:
        starts.append(at + gap)
        at += gap + length
        ends.append(at)
        expected[starts[-1] : at] = value
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("x", 1_000)])
        file.addEntries(["x"] * len(entries), starts, ends=ends, values=[value for _, _, value in entries])
    np.testing.assert_array_equal(read_bigwig(path, "x", 0, 1_000), expected)
    low, high = starts[0], min(ends[0] + 2, 1_000)
    np.testing.assert_array_equal(read_bigwig(path, "x", low, high), expected[low:high])


@pytest.mark.parametrize("count", [1, 4, 257, 1000])
def test_every_contig_is_found_among_the_names(path, count):
    names = [f"chrUn_{number}" for number in np.random.default_rng(0).permutation(count)]
    contigs = {name: 10 + number for number, name in enumerate(names)}
    write_bigwig(path, contigs, (run(name, 3, float(number)) for number, name in enumerate(names)))
    assert bigwig_contigs(path) == contigs
    content = path.read_bytes()
    # One leaf, which readers go through from end to end, so the order of the names does not matter.
    # Source: Kent et al. 2010, Bioinformatics 26:2204, supplementary tables 8 to 10.
    (tree,) = struct.unpack_from("<Q", content, 8)
    key_size, value_size = struct.unpack_from("<II", content, tree + 8)
    assert struct.unpack_from("<BxH", content, tree + 32) == (1, count)
    for number in range(0, count, 100):
        at = tree + 36 + number * (key_size + value_size)
        assert content[at : at + key_size].rstrip(b"\0").decode() == names[number]
        assert struct.unpack_from("<II", content, at + key_size) == (number, 10 + number)
        assert read_bigwig(path, names[number], 3, 4) == [number]


def test_more_contigs_than_the_format_counts_are_refused(path, monkeypatch):
    monkeypatch.setattr("cistron.formats.bigwig._MOST_CONTIGS", 3)
    with pytest.raises(InputError, match="a bigWig holds at most 3 contigs, not 4"):
        write_bigwig(path, dict.fromkeys("abcd", 9), [run(name, 0, 1.0) for name in "abcd"])
    assert list(path.parent.iterdir()) == []


def test_the_summary_for_zooming_out_is_there(path):
    write_bigwig(path, {"x": 50_000}, [Run("x", 0, np.arange(50_000, dtype=np.float32))])
    (levels,) = struct.unpack_from("<H", path.read_bytes(), 6)
    assert levels >= 1


def test_bases_of_one_value_that_follow_one_another_are_one_entry(path):
    runs = [run("x", 0, 2.0, 2.0, NAN, 2.0), run("x", 4, 2.0, 3.0), run("y", 0, 3.0)]
    assert write_bigwig(path, {"x": 9, "y": 9}, runs) == 6
    with BigWig(path) as file:
        found = file.entries("x", 1, 9)
        assert file.contigs == {"x": 9, "y": 9}
    assert [column.tolist() for column in found] == [[1, 3, 5], [2, 5, 6], [2.0, 2.0, 3.0]]


@pytest.mark.parametrize("runs", [[], [run("x", 3, NAN, NAN)]], ids=["no runs", "no values"])
def test_a_file_without_a_value_is_refused(path, runs):
    with pytest.raises(InputError, match="no base has a value, and a bigWig cannot be empty"):
        write_bigwig(path, {"x": 9}, runs)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    "runs",
    [
        [run("x", 3, 1.0, 2.0), run("x", 4, 1.0)],
        [run("x", 8, 1.0, 2.0)],
        [run("y", 0, 1.0)],
        [run("x", 0, 1.0), run("z", 0, 1.0), run("x", 5, 1.0)],
    ],
    ids=["overlap", "beyond", "unknown", "apart"],
)
def test_runs_out_of_order_are_a_mistake_of_the_caller(path, capfd, runs):
    with pytest.raises(ValueError, match="run"):
        write_bigwig(path, {"x": 9, "z": 9}, runs)
    assert list(path.parent.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("broken source")])
def test_what_goes_wrong_in_the_source_is_raised_and_nothing_is_written(path, capfd, error):
    def runs():
        yield run("x", 0, 1.0)
        raise error

    path.write_text("what was there")
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        write_bigwig(path, {"x": 9}, runs())
    assert path.read_text() == "what was there"
    assert list(path.parent.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["out.wig", "out.bigwig", "out"])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"ends in \.bw or \.bigWig"):
        write_bigwig(tmp_path / name, {"x": 9}, [run("x", 0, 1.0)])


LIMITED = """
import resource, sys
import numpy as np
from cistron.errors import OutputError
from cistron.formats.bigwig import Run, write_bigwig
values = np.random.default_rng(0).normal(size=200_000).astype(np.float32)
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_bigwig(sys.argv[1], {"x": 200_000}, [Run("x", 0, values)])
        print("written")
    except OutputError as error:
        print(error)
"""


def test_a_full_disk_is_told_in_one_line_wherever_it_strikes(path):
    values = np.random.default_rng(0).normal(size=200_000).astype(np.float32)
    write_bigwig(path, {"x": 200_000}, [Run("x", 0, values)])
    size = path.stat().st_size
    path.unlink()
    limits = [1, 100, 5_000, size // 2, size - 100, size - 1, size]
    words = [sys.executable, "-c", LIMITED, path, *limits]
    ran = subprocess.run([*map(str, words)], capture_output=True, text=True, check=True)
    told = f"cannot write {path}: the disk is full; free some space or write elsewhere"
    assert ran.stdout.splitlines() == [told] * 6 + ["written"]
    assert ran.stderr == ""
    assert list(path.parent.iterdir()) == [path]


def test_reading_what_is_not_there_is_told(path, tmp_path):
    write_bigwig(path, {"x": 9}, [run("x", 0, 1.0)])
    (tmp_path / "text.bw").write_text("no")
    with pytest.raises(InputError, match="is not a bigWig"):
        read_bigwig(tmp_path / "text.bw", "x", 0, 1)
    with pytest.raises(InputError, match="does not exist"):
        bigwig_contigs(tmp_path / "missing.bw")
    with pytest.raises(UnknownContigError, match="has no contig 'y'; it has x"):
        read_bigwig(path, "y", 0, 1)
    with pytest.raises(OutOfBoundsError, match="reaches beyond its 9 bp"):
        read_bigwig(path, "x", 0, 10)
