"""`cistron train` as it is used: stopped by signals and kills, resumed, by one process and by two."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]
CLOCK = {"seconds", "tokens_per_second", "mfu"}
STEPS = 40
SMALLER = (
    f'stages=[{{"lengths": [{{"length": 64}}, {{"length": 128}}], "tokens": 512, "steps": {STEPS}}}]',
    "micro_tokens=none",
    "checkpoint_every=5",
    "loggers=",
)
SETTINGS = [word for setting in SMALLER for word in ("--set", setting)]


@pytest.fixture(scope="module")
def start(installed: list[str]) -> Callable[..., subprocess.Popen[str]]:
    """Starts `cistron train smoke -o FOLDER …` in the background."""

    def launch(folder: Path, *words: str, **options: Any) -> subprocess.Popen[str]:
        line = [*installed, "train", "smoke", "-o", str(folder), "--threads", "1", *words]
        return subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)

    return launch


@pytest.fixture(scope="module")
def finish(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str]]:
    """Runs it to its end; returns exit code and stderr."""

    def run(folder: Path, *words: str, **options: Any) -> tuple[int, str]:
        process = start(folder, *words, **options)
        _, err = process.communicate(timeout=300)
        return process.returncode, err

    return run


@pytest.fixture(scope="module")
def whole(finish: Callable[..., tuple[int, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    code, err = finish(folder, *SETTINGS)
    assert (code, err) == (0, f"cistron: finished; results are in {folder}\n")
    return folder


def log_of(folder: Path) -> list[Row]:
    """Rows of the log without what a clock says."""
    text = (folder / "log.jsonl").read_text() if (folder / "log.jsonl").exists() else ""
    rows = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    return [{name: value for name, value in row.items() if name not in CLOCK} for row in rows]


def wait_for_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Return when the log says that `step` is done."""
    while not any(row["step"] >= step for row in log_of(folder)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def listen_to_ctrl_c() -> None:
    """A job in the background ignores SIGINT, and so would every process that the tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def small_files() -> None:
    """No file may be larger than 200 kB, as on a disk that is nearly full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_run_that_is_killed_twice_and_terminated_ends_as_if_it_had_not_been(
    start: Callable[..., subprocess.Popen[str]],
    finish: Callable[..., tuple[int, str]],
    whole: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    words: list[str] = list(SETTINGS)
    for step, how in ((7, signal.SIGKILL), (18, signal.SIGKILL), (27, signal.SIGTERM)):
        process = start(run, *words)
        wait_for_step(run, step, process)
        process.send_signal(how)
        _, err = process.communicate(timeout=120)
        words = ["--resume"]  # the settings are in the run's folder
    assert process.returncode == 143
    assert err.startswith("cistron: stopped after step 2")
    assert "which is saved; continue with --resume" in err
    code, err = finish(run, "--resume")
    assert (code, err) == (0, f"cistron: finished; results are in {run}\n")
    assert log_of(run) == log_of(whole)
    weights = "model/model.safetensors"
    assert (run / weights).read_bytes() == (whole / weights).read_bytes()


def test_ctrl_c_saves_the_step_and_exits_130(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start(tmp_path / "run", *SETTINGS, preexec_fn=listen_to_ctrl_c)
    wait_for_step(tmp_path / "run", 3, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    last = log_of(tmp_path / "run")[-1]["step"]
    assert process.returncode == 130
    assert err == f"cistron: stopped after step {last}, which is saved; continue with --resume\n"
    assert (tmp_path / f"run/checkpoints/step-{last:09d}/index.json").exists()


def test_a_full_disk_is_one_line_and_the_run_goes_on_from_before_it(
    start: Callable[..., subprocess.Popen[str]],
    finish: Callable[..., tuple[int, str]],
    whole: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    process = start(run, *SETTINGS)
    wait_for_step(run, 12, process)
    process.kill()
    process.communicate()
    code, err = finish(run, "--resume", preexec_fn=small_files)
    assert code == 1
    assert err.startswith(f"cistron: cannot write {run}/checkpoints/step-0000000")
    assert "the disk is full; free some space or write elsewhere; the checkpoints before it are whole" in err
    assert err.count("\n") == 1
    assert finish(run, "--resume")[0] == 0
    assert log_of(run) == log_of(whole)


def test_two_processes_started_by_torchrun_lose_what_one_does(whole: Path, tmp_path: Path) -> None:
    words = ["--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    line = [sys.executable, "-m", "torch.distributed.run", *words, "-m", "cistron", "train", "smoke"]
    ran = subprocess.run(
        [*line, "-o", str(tmp_path / "run"), "--threads", "1", *SETTINGS],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("cistron: finished") == 1
    found, expected = log_of(tmp_path / "run"), log_of(whole)
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        for name in ("nats_per_base", "validation_nats_per_base"):
            assert row.get(name) == (None if name not in other else pytest.approx(other[name], rel=1e-4))


def test_a_changed_setting_is_shown_and_not_resumed(command: Callable[..., Any], whole: Path) -> None:
    before = (whole / "log.jsonl").read_bytes()
    ran = command("train", "smoke", "-o", whole, "--resume", "--set", "optim.lr=1e-3")
    assert ran.code == 1
    assert f"{whole / 'run.json'} describes another run (optim.lr: 0.004 → 0.001)" in ran.err
    assert ran.err.count("\n") == 1
    other = command("train", "markov", "-o", whole, "--resume")
    assert (other.code, other.err.count("\n")) == (1, 1)
    assert "belongs to another recipe (smoke, not MarkovFit)" in other.err
    assert (whole / "log.jsonl").read_bytes() == before


def test_a_folder_with_a_run_is_not_written_over(command: Callable[..., Any], whole: Path) -> None:
    ran = command("train", "smoke", "-o", whole, *SETTINGS)
    assert (ran.code, ran.err) == (
        1,
        f"cistron: {whole} already holds a run; add --resume to continue it or choose another folder\n",
    )


def test_a_checkpoint_is_exported_to_a_model_that_scores(
    command: Callable[..., Any], whole: Path, example: Path, tmp_path: Path
) -> None:
    ran = command("export", whole, "-o", tmp_path / "model", "--checkpoint", "best", "--dtype", "float32")
    assert ran.code == 0
    assert f"wrote {tmp_path / 'model'}, the model after" in ran.err
    out = tmp_path / "out.vcf"
    scored = command(
        "score", example / "prnp.vcf", "-r", example / "prnp_chr20.fa.gz", "-m", tmp_path / "model", "-o", out
    )
    assert scored.code == 0
    assert "CISTRON_LLR=" in out.read_text()
    again = command("export", whole, "-o", tmp_path / "model")
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert "exists already" in again.err
