"""What `--window-slack` and `--suffix` do to a file, and what the file says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam
import pytest

from cistron.cli.scoring.finished import ScoredRun
from cistron.cli.scoring.request import ScoreRequest
from cistron.cli.scoring.run import run_score

Run = Callable[..., Any]


@pytest.fixture
def clustered(bench: Any) -> Path:
    """150 substitutions in unsorted order, most of them in one another's windows: two blocks."""
    places = [*range(600, 900, 3), *range(2900, 2700, -4)]
    path: Path = bench.vcf(*(bench.snv(place) for place in places))
    return path


def test_the_file_and_its_manifest_say_which_windows_were_used(
    score: Run, bench: Any, clustered: Path, scores_of: Run
) -> None:
    for name, options in (("centred", ()), ("grid", ("--window-slack", 16))):
        assert score(clustered, bench.fasta(), bench.out / f"{name}.vcf", *options).code == 0
    texts = [(bench.out / f"{name}.vcf").read_text() for name in ("centred", "grid")]
    assert "width=64; windows=centred; suffix=exact;" in texts[0]
    assert "width=64; windows=grid of 32 bp; suffix=exact;" in texts[1]
    manifest = json.loads((bench.out / "grid.vcf.manifest.json").read_text())
    assert (manifest["window_slack"], manifest["suffix"]) == (16, "exact")
    centred, grid = (scores_of(bench.out / f"{name}.vcf") for name in ("centred", "grid"))
    assert [row["pos"] for row in grid] == [row["pos"] for row in centred]
    assert sum(abs(a["llr"] - b["llr"]) > 1e-6 for a, b in zip(centred, grid, strict=True)) > 100
    # Places in the middle of a cell of the grid, counted from 0, have the same window either way.
    middle = [(a, b) for a, b in zip(centred, grid, strict=True) if (a["pos"] - 1) % 32 == 16]
    assert middle
    assert all(a["llr"] == pytest.approx(b["llr"], abs=1e-4) for a, b in middle)


def test_a_run_on_a_grid_resumes_to_the_same_bytes(bench: Any, clustered: Path) -> None:
    request = ScoreRequest(
        str(clustered), bench.fasta(), str(bench.out / "out.vcf.gz"), str(bench.model), width=64
    )
    request = ScoreRequest(**{**vars(request), "window_slack": 16, "suffix": "auto"})

    def stop(run: ScoredRun) -> None:
        raise KeyboardInterrupt

    run_score(request)
    expected = {path.name: path.read_bytes() for path in bench.out.iterdir()}
    with pytest.raises(KeyboardInterrupt):
        run_score(request, then=stop)
    journal = Path(request.output + ".journal")
    whole = journal.read_bytes()
    for path in bench.out.iterdir():
        path.unlink()
    journal.write_bytes(whole[:-100])
    run_score(ScoreRequest(**{**vars(request), "resume": True}))
    assert {path.name: path.read_bytes() for path in bench.out.iterdir()} == expected


def test_other_windows_or_suffixes_cannot_be_resumed(score: Run, bench: Any, clustered: Path) -> None:
    request = ScoreRequest(
        str(clustered), bench.fasta(), str(bench.out / "out.vcf"), str(bench.model), width=64
    )

    def stop(run: ScoredRun) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_score(request, then=stop)
    for options, named in (
        (("--window-slack", 8), "window_slack was 0 and is 8"),
        (("--suffix", "auto"), "suffix was 'exact' and is 'auto'"),
        (("--suffix", 9), "suffix was 'exact' and is 9"),
    ):
        line = score(clustered, bench.fasta(), bench.out / "out.vcf", "--resume", *options).error
        assert named in line


def test_a_cut_suffix_carries_an_estimate_of_its_error(score: Run, bench: Any, scores_of: Run) -> None:
    vcf = bench.vcf(bench.snv(500), f"1 600 {bench.ref(600, 4)} {bench.ref(600)},<DUP>", bench.snv(900))
    exact, cut = bench.out / "exact.vcf", bench.out / "cut.vcf"
    score(vcf, bench.fasta(), exact)
    assert score(vcf, bench.fasta(), cut, "--suffix", 10).code == 0
    assert "CISTRON_ERR" not in exact.read_text()
    with pysam.VariantFile(str(cut)) as records:
        assert records.header.info["CISTRON_ERR"].number == "A"
        assert "suffix=10;" in records.header.info["CISTRON_ERR"].description
        errors = [record.info["CISTRON_ERR"] for record in records]
    assert [len(values) for values in errors] == [1, 2, 1]
    assert errors[1][1] is None
    assert all(0 < values[0] < 100 for values in errors)
    for one, other in zip(scores_of(cut), scores_of(exact), strict=True):
        assert one["status"] == other["status"]
        assert one["llr"] is None or one["llr"] != other["llr"]


def test_tables_have_a_column_for_the_estimate_where_there_is_one(score: Run, bench: Any) -> None:
    vcf = bench.vcf(bench.snv(500), f"1 600 {bench.ref(600)} <DUP>")
    score(vcf, bench.fasta(), bench.out / "cut.parquet", "--suffix", "auto")
    score(vcf, bench.fasta(), bench.out / "exact.tsv")
    rows = pq.read_table(bench.out / "cut.parquet").to_pylist()
    # The window of 64 bp ends before auto looks for the first time, so nothing is missing.
    assert [row["error"] for row in rows] == [0.0, None]
    header = next(line for line in (bench.out / "exact.tsv").read_text().splitlines() if line[0] != "#")
    assert header.split("\t")[-1] == "status"


def test_a_file_with_an_estimate_can_be_overwritten_by_exact_scores(score: Run, bench: Any) -> None:
    cut, exact = bench.out / "cut.vcf", bench.out / "exact.vcf"
    score(bench.vcf(bench.snv(500)), bench.fasta(), cut, "--suffix", 5)
    assert "already carries" in score(cut, bench.fasta(), exact).error
    assert score(cut, bench.fasta(), exact, "--overwrite").code == 0
    assert "CISTRON_ERR" not in exact.read_text()


@pytest.mark.parametrize("suffix", ["half", "0", "-4", "1.5", ""])
def test_a_suffix_that_does_not_exist_is_refused_in_one_line(score: Run, bench: Any, suffix: str) -> None:
    ran = score(bench.vcf(bench.snv(500)), bench.fasta(), bench.out / "out.vcf", f"--suffix={suffix}")
    assert "give exact, auto or a positive number of bases behind the allele" in ran.error
    assert bench.left() == []


def test_a_slack_beyond_a_quarter_of_the_width_is_refused_in_one_line(score: Run, bench: Any) -> None:
    ran = score(bench.vcf(bench.snv(500)), bench.fasta(), bench.out / "out.vcf", "--window-slack", 17)
    assert ran.error == "a window slack of 17 bp does not fit windows of 64 bp; give 0 to 16"
    assert bench.left() == []
