"""`cistron calibrate`: a table of random changes, the same whatever happened on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
