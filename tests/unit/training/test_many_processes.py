"""Runs of two processes on this machine: equal to one, and resumed by any other number."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from cistron.data.sampling import WindowLength
from cistron.training.checkpoint import complete, newest, weights_of
from cistron.training.parallel import Layout
from cistron.training.pretrain import Stage
from cistron.training.settings import to_json

WORKER = """
import json, os, signal, sys, threading, time
from pathlib import Path
import torch
from cistron.errors import CistronError
from cistron.training import Stopped
from cistron.training.pretrain import Pretraining
from cistron.training.settings import from_plain

torch.set_num_threads(1)
settings, folder, resume, stop = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "resume", int(sys.argv[4])
values = json.loads(Path(settings).read_text())
values.pop("run")
run = from_plain(Pretraining, values, settings)


def ask():
    log = folder / "log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < stop:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)


if stop and os.environ["RANK"] == "1":  # the rank that draws nothing and logs nothing
    threading.Thread(target=ask, daemon=True).start()
try:
    run.execute(folder, resume=resume, progress=lambda *_: None)
except Stopped as stopped:
    sys.exit(128 + stopped.signal)
except CistronError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def two(tmp_path):
    """Trains with two processes; returns their exit codes and what they said."""

    def launch(run, folder, *, resume=False, stop=0):
        (tmp_path / "settings.json").write_text(to_json(run))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        words = [str(tmp_path / "settings.json"), str(folder), "resume" if resume else "new", str(stop)]
        world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        processes = [
            subprocess.Popen(
                [sys.executable, "-W", "error", "-c", WORKER, *words],
                env=os.environ | world | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        said = [process.communicate(timeout=240)[1] for process in processes]
        return [process.returncode for process in processes], said

    return launch


@pytest.fixture(scope="module")
def exact(make_run):
    """A run of forty steps in float64, with several parts in each step."""
    lengths = (WindowLength(32), WindowLength(64))
    stages = (
        Stage(lengths, tokens=256, steps=20),
        Stage((WindowLength(64),), tokens=256, steps=20, rope_theta=1e6),
    )
    return make_run(
        stages=stages, dtype="float64", micro_tokens=128, log_every=1, validate_every=10, checkpoint_every=8
    )


@pytest.fixture(scope="module")
def finished(exact, tmp_path_factory):
    """That run, by one process."""
    folder = tmp_path_factory.mktemp("one") / "run"
    exact.execute(folder, resume=False, progress=lambda *_: None)
    return folder


def assert_logs_agree(found, expected, tolerance):
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        assert row.keys() == other.keys()
        assert row["step"] == other["step"]
        for name in row.keys() & {
            "nats_per_base",
            "gradient_norm",
            "validation_nats_per_base",
            "balance",
            "z",
        }:
            assert row[name] == pytest.approx(other[name], rel=tolerance)


LAYOUTS = {"shard": {}, "expert": {"expert": 2}, "tensor": {"tensor": 2}, "context": {"context": 2}}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_run_that_two_processes_began_is_ended_by_one_as_if_it_had_been_one(
    two, exact, finished, tmp_path, log_of, kind
):
    run = replace(exact, layout=Layout(**LAYOUTS[kind]))
    codes, said = two(run, tmp_path / "run", stop=6)
    assert codes == [143, 143], said
    stopped = int(newest(tmp_path / "run").name.removeprefix("step-"))
    assert 4 < stopped < 40
    assert {path.name for path in newest(tmp_path / "run").iterdir()} == {
        "index.json",
        "rank-00000.safetensors",
        "rank-00001.safetensors",
    }
    exact.execute(tmp_path / "run", resume=True, progress=lambda *_: None)
    assert_logs_agree(log_of(tmp_path / "run"), log_of(finished), 1e-8)


def test_a_run_that_one_process_began_is_ended_by_two_as_if_it_had_been_one(
    two, exact, finished, tmp_path, log_of
):
    class Crash(Exception):
        pass

    def crash(done, total, note):
        if (done, total) == (20, 40):
            raise Crash

    with pytest.raises(Crash):
        exact.execute(tmp_path / "run", resume=False, progress=crash)
    assert [path.name[-2:] for path in complete(tmp_path / "run")][-1] == "16"
    codes, said = two(exact, tmp_path / "run", resume=True)
    assert codes == [0, 0], said
    assert_logs_agree(log_of(tmp_path / "run"), log_of(finished), 1e-8)
    found, expected = (weights_of(newest(folder))[0] for folder in (tmp_path / "run", finished))
    assert all((found[name] - expected[name]).abs().max() < 1e-8 for name in expected)
    assert (tmp_path / "run/model/config.json").exists()


def test_two_processes_in_float32_are_one_to_four_digits(two, make_run, tmp_path, log_of):
    make_run().execute(tmp_path / "one", resume=False, progress=lambda *_: None)
    codes, said = two(make_run(), tmp_path / "two")
    assert codes == [0, 0], said
    assert_logs_agree(log_of(tmp_path / "two"), log_of(tmp_path / "one"), 1e-4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"layout": Layout(tensor=3)}, "does not work with 2 processes; it works with 3, 6, 9"),
        (
            {"stages": (Stage((WindowLength(32),), tokens=96, steps=2),)},
            "a batch of 3 windows cannot be divided",
        ),
    ],
)
def test_what_two_processes_cannot_divide_is_refused_with_what_they_can(
    two, make_run, tmp_path, change, told
):
    codes, said = two(make_run(**change), tmp_path / "run")
    assert codes[0] == 1
    assert told in said[0]
    assert "Traceback" not in said[0]
    assert not (tmp_path / "run/log.jsonl").exists() or not json.loads(
        (tmp_path / "run/log.jsonl").read_text() or "[]"
    )
