"""`cistron calibrate`: a table of random changes, the same whatever happened on the way."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysam
import pytest

from cistron.genome.changes import kinds

Run = Callable[..., Any]
SETTINGS = ("--width", "256", "--rounds", "3", "--seed", "7")


@pytest.fixture
def words(example: Path, tiny: Path) -> list[str]:
    genome = example / "prnp_chr20.fa.gz"
    return ["calibrate", "-r", str(genome), "-m", str(tiny), "--regions", "20:4600001-4750000", *SETTINGS]


def test_a_table_holds_every_kind_and_how_it_was_made(command: Run, words: list[str], tmp_path: Path) -> None:
    out = tmp_path / "calibration.json"
    assert command(*words, "-o", out).code == 0
    table = json.loads(out.read_text())
    assert set(table["scores"]) == set(kinds())
    assert all(len(scores) == 3 and scores == sorted(scores) for scores in table["scores"].values())
    assert (table["width"], table["strands"], table["seed"]) == (256, "both", 7)
    manifest = json.loads((tmp_path / "calibration.json.manifest.json").read_text())
    assert manifest["model_sha256"] == table["model_sha256"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, f"{out.name}.manifest.json"]


def test_a_killed_run_resumes_to_the_same_table(
    installed: list[str], command: Run, words: list[str], tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.json", tmp_path / "killed.json"
    assert command(*words, "-o", whole).code == 0
    journal = tmp_path / "killed.json.journal"
    process = subprocess.Popen([*installed, *words, "-o", str(out)], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (journal.exists() and journal.stat().st_size > 1500):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert command(*words, "-o", out, "--resume").code == 0
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-o", "out.txt"], "a calibration is JSON, so its name ends in .json"),
        (["-o", "out.json", "--regions", "7:1-1000"], "there is no contig '7'"),
        (["-o", "out.json", "--width", "5000"], "exceeds the model's context"),
        (["-o", "missing/out.json"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_told(
    command: Run,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in command(*words, *more).error
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def table(command: Run, words: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    assert command(*words, "-o", path).code == 0
    return path


def percentiles(path: Path) -> list[float | None]:
    with pysam.VariantFile(str(path)) as records:
        return [value for record in records for value in record.info.get("CISTRON_PCT") or (None,)]


@pytest.fixture
def prnp(example: Path, tiny: Path) -> list[str]:
    genome = example / "prnp_chr20.fa.gz"
    return ["score", str(example / "prnp.vcf"), "-r", str(genome), "-m", str(tiny)]


def test_scores_get_percentiles_of_their_kind(
    command: Run, prnp: list[str], table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.vcf"
    assert command(*prnp, "--width", "256", "--calibration", table, "-o", out).code == 0
    kinds_found = json.loads(table.read_text())["scores"]
    n = 3
    # With three random changes of each kind there are so many answers, and four more between ties.
    allowed = {round(100 * (below / 2 + 0.5) / (n + 1), 3) for below in range(2 * n + 1)}
    found = [value for value in percentiles(out) if value is not None]
    assert len(found) > 40
    assert {round(value, 3) for value in found} <= allowed
    assert len(set(found)) > 2
    assert len(kinds_found) == len(kinds())


def test_a_table_in_the_model_folder_is_used_where_it_holds_and_named_where_not(
    command: Run, prnp: list[str], table: Path, tiny: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    shutil.copy(table, model / "calibration.json")
    words = [*prnp[:-1], str(model)]
    assert command(*words, "--width", "256", "-o", tmp_path / "out.vcf").code == 0
    assert any(value is not None for value in percentiles(tmp_path / "out.vcf"))
    ran = command(*words, "--width", "128", "-o", tmp_path / "other.vcf")
    assert "no percentiles" in ran.err
    assert "made with width 256" in ran.err
    assert "CISTRON_PCT" not in (tmp_path / "other.vcf").read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "calibration is damaged"), ("hello", "is not JSON"), (None, "cannot read")],
    ids=["empty", "text", "missing"],
)
def test_a_table_that_is_none_is_told(
    command: Run, prnp: list[str], tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "table.json"
    if content is not None:
        path.write_text(content)
    assert message in command(*prnp, "--width", "64", "--calibration", path, "-o", tmp_path / "o.vcf").error


def test_a_table_of_other_settings_is_refused(
    command: Run, prnp: list[str], table: Path, tmp_path: Path
) -> None:
    ran = command(*prnp, "--width", "128", "--calibration", table, "-o", tmp_path / "o.vcf")
    assert "was made with width 256; use these settings, or calibrate again" in ran.error
