"""`cistron scan`: what it writes, for what it is given, and how it refuses."""

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
from cistron.formats.fasta import Fasta
from cistron.genome import Interval
from cistron.inference.scan import scan

Run = Callable[..., Any]


@pytest.fixture
def genome(bench: Any) -> Path:
    """`1` of 700 bases with a gap and a soft-masked stretch, an empty contig, `chr2` of 300."""
    bases = random.Random(3)
    one = "".join(bases.choices("ACGT", k=700))
    bench.sequences = {
        "1": one[:200] + "N" * 30 + one[230:400] + one[400:450].lower() + "R" + one[451:],
        "empty": "",
        "chr2": "".join(bases.choices("ACGT", k=300)),
    }
    return bench.fasta()


@pytest.fixture
def run(command: Run, bench: Any) -> Run:
    """Runs `cistron scan` with the tiny model at a width of 64 bp, into files of the output folder."""

    def run(what: object, *outputs: str, more: tuple[object, ...] = (), stdin: bytes | None = None) -> Any:
        named = [word for output in outputs for word in ("-o", bench.out / output)]
        words = ["-m", bench.model, "--width", 64]
        return command("scan", what, *named, *words, *more, stdin=stdin)

    return run


@pytest.fixture(scope="session")
def expected(tiny: Path) -> Callable[..., list[Any]]:
    """What the Python call gives for a genome, at a width of 64 bp."""
    model = cistron.load(tiny, device="cpu")

    def run(genome: Path, intervals: list[Interval] | None = None, **options: Any) -> list[Any]:
        with Fasta(genome) as reference:
            return list(scan(model.model, model.tokenizer, reference, intervals, width=64, **options))

    return run


def column(found: list[Any], chrom: str, name: str) -> np.ndarray:
    """One quantity along a contig."""
    return np.concatenate([getattr(each, name) for each in found if each.chrom == chrom])


def test_tracks_have_the_values_of_the_model_and_none_where_there_is_no_base(
    run: Run, bench: Any, genome: Path, expected: Any
) -> None:
    ran = run(genome, "out.bw")
    assert ran.code == 0
    assert not ran.out
    values = expected(genome)
    names = {"log_p": "ref_log_p", "log_odds": "mean_log_odds", "entropy": "entropy"}
    for track, name in names.items():
        path = bench.out / f"out.{track}.bw"
        assert bigwig_contigs(path) == {"1": 700, "chr2": 300}
        for chrom, length in (("1", 700), ("chr2", 300)):
            found = read_bigwig(path, chrom, 0, length)
            np.testing.assert_allclose(found, column(values, chrom, name), rtol=0, atol=1e-5)
    unknown = np.isnan(read_bigwig(bench.out / "out.log_p.bw", "1", 0, 700))
    assert np.flatnonzero(unknown).tolist() == [*range(200, 230), 450]
    assert bench.left() == sorted(
        name for track in names for name in (f"out.{track}.bw", f"out.{track}.bw.manifest.json")
    )
    told = ran.err.splitlines()[-1]
    assert told.startswith("cistron: 969 of 1,000 bases scored; wrote ")


def test_a_table_has_the_substitutions_by_their_bases_and_counts_from_one(
    run: Run, bench: Any, genome: Path, expected: Any
) -> None:
    assert run(genome, "out.parquet", "out.tsv", "out.tsv.gz").code == 0
    table = pq.read_table(bench.out / "out.parquet")
    assert table.column_names == ["chrom", "pos", "ref", "A", "C", "G", "T", "log_p", "entropy"]
    assert table["pos"].to_pylist() == [*range(1, 701), *range(1, 301)]
    assert "".join(table["ref"].to_pylist()[:700]) == bench.sequences["1"].upper()
    odds = column(expected(genome), "1", "log_odds")
    for number, base in enumerate("ACGT"):
        found = np.array(table[base].to_pylist()[:700], dtype=float)
        np.testing.assert_allclose(found, odds[:, number], rtol=0, atol=1e-5)
    assert table["A"].to_pylist()[210] is None
    lines = [line for line in (bench.out / "out.tsv").read_text().splitlines() if line[0] != "#"]
    assert lines[0].split("\t") == table.column_names
    assert lines[211].split("\t") == ["1", "211", "N", "", "", "", "", "", ""]
    row = dict(zip(table.column_names, lines[5].split("\t"), strict=True))
    assert float(row[row["ref"]]) == 0
    assert float(row["log_p"]) == pytest.approx(table["log_p"][4].as_py(), rel=1e-5)
    packed = (bench.out / "out.tsv.gz").read_bytes()
    assert gzip.decompress(packed) == (bench.out / "out.tsv").read_bytes()


def test_zarr_holds_all_stretches_and_where_each_begins(
    run: Run, bench: Any, genome: Path, expected: Any
) -> None:
    zarr = pytest.importorskip("zarr")
    regions = ("--regions", "chr2:11-60", "--regions", "1:101-300", "--regions", "1:600-")
    assert run(genome, "out.zarr", more=regions).code == 0
    store = zarr.open_group(bench.out / "out.zarr", mode="r")
    stretches = [tuple(store[f"stretch_{name}"][:].tolist()) for name in ("contig", "start", "end", "offset")]
    assert stretches == [("1", "1", "chr2"), (100, 599, 10), (300, 700, 60), (0, 200, 301)]
    assert store.attrs["columns"] == "ACGT"
    assert store["log_odds"].shape == (351, 4)
    values = expected(genome)
    for contig, start, end, offset in zip(*stretches, strict=True):
        for name, wanted in (("log_odds", "log_odds"), ("log_p", "ref_log_p"), ("entropy", "entropy")):
            found = store[name][offset : offset + end - start]
            wanted = column(values, contig, wanted)[start:end]
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_a_single_track_goes_to_the_file_that_was_named(run: Run, bench: Any, genome: Path) -> None:
    assert run(genome, "one.bw", more=("--track", "entropy")).code == 0
    assert run(genome, "all.bw").code == 0
    assert (bench.out / "one.bw").read_bytes() == (bench.out / "all.entropy.bw").read_bytes()
    assert run(genome, "two.bw", more=("--track", "log_p", "--track", "log_odds")).code == 0
    assert [name for name in bench.left() if name.startswith("two") and name.endswith(".bw")] == [
        "two.log_odds.bw",
        "two.log_p.bw",
    ]


def test_a_region_a_bed_file_and_the_whole_genome_agree(run: Run, bench: Any, genome: Path) -> None:
    bed = bench.folder / "some.bed"
    bed.write_text("2\t10\t60\tx\t0\t-\n1\t290\t300\n1\t100\t295\n")
    assert run("1:101-300", "region.parquet", more=("-r", genome)).code == 0
    assert run(bed, "bed.parquet", more=("-r", genome)).code == 0
    assert run(genome, "again.parquet", more=("--regions", bed)).code == 0
    assert run(genome, "all.parquet").code == 0
    read = {name: pq.read_table(bench.out / f"{name}.parquet") for name in ("region", "bed", "again", "all")}
    assert read["bed"].to_pylist() == read["again"].to_pylist()
    assert read["bed"].slice(0, 200).to_pylist() == read["region"].to_pylist()
    rows = read["all"].to_pylist()
    for found, wanted in zip(read["bed"].to_pylist(), [*rows[100:300], *rows[710:760]], strict=True):
        assert found == {
            key: pytest.approx(value, abs=1e-5) if isinstance(value, float) else value
            for key, value in wanted.items()
        }


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_genome_can_come_through_standard_input(run: Run, bench: Any, genome: Path, packed: bool) -> None:
    content = genome.read_bytes()
    assert run("-", "piped.bw", stdin=gzip.compress(content) if packed else content).code == 0
    assert run(genome, "named.bw").code == 0
    for track in ("log_p", "log_odds", "entropy"):
        piped, named = (bench.out / f"{name}.{track}.bw" for name in ("piped", "named"))
        assert piped.read_bytes() == named.read_bytes()


def test_one_strand_and_both_differ_and_the_manifest_says_which(
    run: Run, bench: Any, genome: Path, expected: Any
) -> None:
    assert run(genome, "one.parquet", more=("--strands", "forward")).code == 0
    found = pq.read_table(bench.out / "one.parquet")["log_p"].to_pylist()[:700]
    wanted = column(expected(genome, strands="forward"), "1", "ref_log_p")
    np.testing.assert_allclose(np.array(found, dtype=float), wanted, rtol=0, atol=1e-5)
    assert found[0] is None
    manifest = json.loads((bench.out / "one.parquet.manifest.json").read_text())
    assert manifest["strands"] == "forward"
    assert manifest["width"] == 64
    assert (manifest["bases"], manifest["scored"]) == (1000, 967)
    assert manifest["model_sha256"]


def test_a_circular_contig_is_read_across_its_ends(run: Run, bench: Any, genome: Path, expected: Any) -> None:
    assert run("2", "ring.parquet", more=("-r", genome, "--circular", "2")).code == 0
    found = pq.read_table(bench.out / "ring.parquet")["log_p"].to_pylist()
    wanted = column(expected(genome, [Interval("chr2", 0, 300)], circular=["chr2"]), "chr2", "ref_log_p")
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert not any(math.isnan(value) for value in wanted)


@pytest.mark.parametrize(
    ("outputs", "more", "told"),
    [
        (("out.wig",), (), "its name should end in .bw, .bigWig, .parquet, .zarr, .tsv, .tsv.gz"),
        (("missing/out.bw",), (), "does not exist; create it first"),
        (("out.bw", "out.bw"), (), "out.log_p.bw is named twice; give every output a name of its own"),
        (("out.tsv", "../out/out.tsv"), (), "is named twice; give every output a name of its own"),
        (("../genome.tsv",), (), "name another file"),
        (("out.bw",), ("--track", "logp"), "--track logp: the tracks are log_p, log_odds, entropy"),
        (("out.bw",), ("--regions", "3:1-5"), "there is no contig '3'; the contigs are 1, chr2"),
        (("out.bw",), ("--regions", "1:9-5"), "holds no bases; positions count from 1"),
        (("out.bw",), ("--regions", "1:701-800"), "holds no bases"),
        (("out.bw",), ("--regions", "1:201-230"), "no base has a value, and a bigWig cannot be empty"),
        (("out.bw",), ("--regions", "1:5"), "region '1:5' has no end"),
        (("out.bw",), ("--circular", "7"), "--circular 7: no such contig in genome"),
        (("out.bw",), ("--width", "5000"), "exceeds the model's context; the largest width is 4,096"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_told_in_one_line_and_nothing_is_left(
    run: Run, bench: Any, genome: Path, outputs: tuple[str, ...], more: tuple[str, ...], told: str
) -> None:
    source = genome.rename(genome.with_suffix(".tsv"))
    before = source.read_bytes()
    assert told in run(source, *outputs, more=more).error
    assert bench.left() == []
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"ACGT\n", "is not FASTA"),
        (b">a\n", "cannot be indexed; check that it is FASTA"),
        (b">a\nACGTUACGT\n", "contig a has U at position 5, so it is RNA; write T for U"),
        (b">a\nACGTA\nAC!TA\n", "contig a has '!' at position 8"),
        (b">a\nACGTE\n", "contig a has 'E' at position 5"),
    ],
)
def test_a_file_that_is_no_genome_is_told_in_one_line(
    run: Run, bench: Any, content: bytes, told: str
) -> None:
    path = bench.folder / "bad.fa"
    path.write_bytes(content)
    assert told in run(path, "out.bw").error
    assert bench.left() == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("9\t0\t5\n", "has the contig '9', which is not in genome.fa"),
        ("1\t690\t701\n", "has 1 690-701, but 1 of genome.fa has 700 bp"),
        ("1\t5\n", "line 1 has 2 columns"),
        ("1\t7\t7\n", "there is nothing to scan"),
        ("", "is empty"),
    ],
)
def test_a_bad_bed_file_is_told_in_one_line(run: Run, bench: Any, genome: Path, line: str, told: str) -> None:
    bed = bench.folder / "bad.bed"
    bed.write_text(line)
    assert told in run(bed, "out.bw", more=("-r", genome)).error
    assert bench.left() == []


def test_a_region_without_a_genome_is_told_what_is_missing(run: Run, bench: Any) -> None:
    line = run("chr20:1-100", "out.bw").error
    assert line == "chr20:1-100 is a region; give the genome that it lies in with --reference"


def test_a_missing_file_is_told(run: Run, bench: Any) -> None:
    assert "nowhere.fa does not exist" in run(bench.folder / "nowhere.fa", "out.bw").error


def test_the_shipped_model_finds_a_real_gene_more_plausible_than_a_guess(
    command: Run, bench: Any, example: Path
) -> None:
    out = bench.out / "prnp.bw"
    words = ("20:4680001-4682000", "-r", example / "prnp_chr20.fa.gz", "-o", out, "--device", "cpu")
    assert command("scan", *words).code == 0
    tracks = {
        name: read_bigwig(bench.out / f"prnp.{name}.bw", "20", 4_680_000, 4_682_000)
        for name in ("log_p", "log_odds", "entropy")
    }
    assert -math.log(4) < tracks["log_p"].mean() < 0
    assert tracks["log_odds"].mean() < -0.1
    assert 0 < tracks["entropy"].min() < tracks["entropy"].max() <= math.log(4)
