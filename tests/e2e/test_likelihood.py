"""`cistron likelihood`: what it writes, for what it is given, and how it refuses."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import cistron
from cistron.formats.bigwig import bigwig_contigs, read_bigwig

Run = Callable[..., Any]


@pytest.fixture
def sequences(bench: Any) -> Path:
    """Five records, of no, one and many bases, with N, an ambiguity code and lower case."""
    letters = random.Random(8)
    text = "".join(letters.choices("ACGT", k=900))
    bench.sequences = {
        "short": text[:30] + "NNN" + text[30:50].lower() + "R" + text[50:60],
        "empty": "",
        "base": "A",
        "gap": "NNNN",
        "long": text,
    }
    return bench.fasta("in.fa")


@pytest.fixture
def run(command: Run, bench: Any) -> Run:
    """Runs `cistron likelihood` with the tiny model, into a file of the output folder where one is named."""

    def run(what: object, *outputs: str, more: tuple[object, ...] = (), stdin: bytes | None = None) -> Any:
        named = [word for output in outputs for word in ("-o", bench.out / output)]
        return command("likelihood", what, *named, "-m", bench.model, *more, stdin=stdin)

    return run


def table(text: str) -> list[dict[str, str]]:
    """The rows of a table in text."""
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("##")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def test_each_sequence_has_a_row_in_order_with_the_likelihood_of_the_python_call(
    run: Run, bench: Any, sequences: Path
) -> None:
    ran = run(sequences)
    assert ran.code == 0
    rows = table(ran.out.decode())
    assert [row["name"] for row in rows] == list(bench.sequences)
    assert [int(row["length"]) for row in rows] == [64, 0, 1, 4, 900]
    assert [int(row["windows"]) for row in rows] == [1, 0, 1, 1, 1]
    found = cistron.load(bench.model, device="cpu").log_likelihood(bench.sequences.values())
    for row, wanted in zip(rows, found, strict=True):
        assert int(row["scored"]) == wanted.bases
        if not wanted.bases:
            assert row["log_likelihood"] == row["per_base"] == row["perplexity"] == ""
            continue
        assert float(row["log_likelihood"]) == pytest.approx(wanted.total, abs=1e-3)
        assert float(row["per_base"]) == pytest.approx(wanted.per_base, rel=1e-5)
        assert float(row["perplexity"]) == pytest.approx(math.exp(-wanted.per_base), rel=1e-5)
    assert ran.err.splitlines()[-1] == "cistron: 958 of 969 bases scored; wrote standard output"
    assert bench.left() == []


def test_a_total_keeps_the_digits_that_tell_long_sequences_apart(
    run: Run, bench: Any, sequences: Path
) -> None:
    (row,) = [row for row in table(run(sequences).out.decode()) if row["name"] == "long"]
    assert len(row["log_likelihood"].split(".")[1]) == 4
    assert float(row["log_likelihood"]) < -1000


@pytest.mark.parametrize("output", ["out.tsv", "out.tsv.gz", "out.parquet"])
def test_files_hold_what_is_printed_and_a_manifest_lies_beside(
    run: Run, bench: Any, sequences: Path, output: str
) -> None:
    printed = table(run(sequences).out.decode())
    assert run(sequences, output).code == 0
    path = bench.out / output
    if output.endswith(".parquet"):
        rows = pq.read_table(path).to_pylist()
        assert [row["name"] for row in rows] == [row["name"] for row in printed]
        assert rows[4]["log_likelihood"] == pytest.approx(float(printed[4]["log_likelihood"]), abs=1e-4)
        assert rows[1]["log_likelihood"] is None
    else:
        content = path.read_bytes()
        assert table((gzip.decompress(content) if output.endswith(".gz") else content).decode()) == printed
    manifest = json.loads((bench.out / f"{output}.manifest.json").read_text())
    assert (manifest["bases"], manifest["scored"], manifest["window"]) == (969, 958, 4096)
    assert bench.left() == sorted([output, f"{output}.manifest.json"])


@pytest.mark.parametrize("strands", ["forward", "both"])
@pytest.mark.parametrize("more", [(), ("--window", 64), ("--window", 64, "--stride", 16)])
def test_a_track_has_the_bases_that_the_total_adds_up(
    run: Run, bench: Any, sequences: Path, strands: str, more: tuple[object, ...]
) -> None:
    track = bench.out / "out.bw"
    ran = run(sequences, more=("--track", track, "--strands", strands, *more))
    rows = {row["name"]: row for row in table(ran.out.decode())}
    assert bigwig_contigs(track).keys() == {"short", "long"} | ({"base"} if strands == "never" else set())
    for name in ("short", "long"):
        values = read_bigwig(track, name, 0, len(bench.sequences[name]))
        assert np.nansum(values) == pytest.approx(float(rows[name]["log_likelihood"]), abs=1e-2)
        assert np.isfinite(values).sum() == int(rows[name]["scored"])
    unknown = np.flatnonzero(np.isnan(read_bigwig(track, "short", 0, 64))).tolist()
    assert unknown == ([0] if strands == "forward" else []) + [30, 31, 32, 53]


def test_a_track_can_be_a_table(run: Run, bench: Any, sequences: Path) -> None:
    track = bench.out / "track.parquet"
    assert run(sequences, "out.tsv", more=("--track", track)).code == 0
    found = pq.read_table(track)
    assert found.column_names == ["name", "pos", "log_p"]
    assert found["pos"].to_pylist() == [*range(1, 65), 1, *range(1, 5), *range(1, 901)]
    assert found["log_p"].to_pylist()[0] is None
    assert (bench.out / "track.parquet.manifest.json").exists()


def test_long_sequences_are_read_in_windows_and_counted(run: Run, bench: Any, sequences: Path) -> None:
    whole, cut, apart = (
        table(run(sequences, more=more).out.decode())[4]
        for more in ((), ("--window", 100), ("--window", 100, "--stride", 100))
    )
    assert [row["windows"] for row in (whole, cut, apart)] == ["1", "18", "9"]
    assert [row["scored"] for row in (whole, cut, apart)] == ["899", "899", "891"]
    assert len({row["log_likelihood"] for row in (whole, cut, apart)}) == 3


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_sequences_can_come_through_standard_input(
    run: Run, bench: Any, sequences: Path, packed: bool
) -> None:
    content = sequences.read_bytes()
    piped = run("-", stdin=gzip.compress(content) if packed else content)
    assert table(piped.out.decode()) == table(run(sequences).out.decode())


def test_gzipped_files_are_read(run: Run, bench: Any, sequences: Path) -> None:
    packed = bench.folder / "in.fa.gz"
    packed.write_bytes(gzip.compress(sequences.read_bytes()))
    assert table(run(packed).out.decode()) == table(run(sequences).out.decode())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"ACGT\n", "is not FASTA"),
        (b">\nACGT\n", "has a contig without a name"),
        (b">a\nACGT\n>b\nACGT\nACGU\n", "bad.fa record b has U at position 8, so it is RNA"),
        (b">a\nACGT\n>b\nAC-T\n", "bad.fa record b has '-' at position 3, which is not a nucleotide"),
        (b">a\nMKVLEQ\n", "bad.fa record a has 'L' at position 4"),
        (b">a\nAC\xc3\x84\n", "bad.fa record a has"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_the_record(
    run: Run, bench: Any, content: bytes, told: str
) -> None:
    path = bench.folder / "bad.fa"
    path.write_bytes(content)
    assert told in run(path, "out.tsv").error
    assert bench.left() == []


@pytest.mark.parametrize(
    ("outputs", "more", "told"),
    [
        (("out.csv",), (), "its name should end in .tsv, .tsv.gz, .parquet"),
        (("missing/out.tsv",), (), "does not exist; create it first"),
        (("out.tsv",), ("--track", "out.wig"), "a track's name should end in .bw, .bigWig, .parquet"),
        (("out.tsv",), ("--window", 5000), "exceeds the model's context; the largest width is 4,096"),
        (("out.tsv",), ("--window", 64, "--stride", 65), "use 1 to 64"),
        (("../in.tsv",), (), "name another file"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_told_in_one_line_and_nothing_is_left(
    run: Run, bench: Any, sequences: Path, outputs: tuple[str, ...], more: tuple[object, ...], told: str
) -> None:
    source = sequences.rename(sequences.with_suffix(".tsv"))
    before = source.read_bytes()
    assert told in run(source, *outputs, more=more).error
    assert bench.left() == []
    assert source.read_bytes() == before


def test_output_and_track_are_two_files(run: Run, bench: Any, sequences: Path) -> None:
    same = bench.out / "out.parquet"
    assert "--output and --track both name" in run(sequences, "out.parquet", more=("--track", same)).error


def test_a_bigwig_of_nothing_is_refused(run: Run, bench: Any) -> None:
    empty = bench.fasta("n.fa", a="NNNN", b="A")
    assert "no base has a value" in run(empty, "out.tsv", more=("--track", bench.out / "out.bw")).error


def test_records_of_one_name_get_a_row_each_but_cannot_be_contigs_of_a_track(run: Run, bench: Any) -> None:
    path = bench.folder / "twice.fa"
    path.write_text(">a\nACGT\n>a\nGGAC\n>b\nAC\n")
    ran = run(path)
    assert ran.code == 0
    rows = table(ran.out.decode())
    assert [(row["name"], row["length"]) for row in rows] == [("a", "4"), ("a", "4"), ("b", "2")]
    assert rows[0]["log_likelihood"] != rows[1]["log_likelihood"]
    refused = run(path, "out.tsv", more=("--track", bench.out / "out.bw"))
    assert "has two contigs called 'a'; rename one" in refused.error
    assert bench.left() == []
