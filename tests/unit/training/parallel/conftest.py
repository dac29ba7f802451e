from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from safetensors.torch import load_file
from torch import Tensor

WORKER = Path(__file__).with_name("steps.py")
SECONDS = 400
"""A rank that waits longer than this waits for another that is gone."""

Cases = dict[str, dict[str, Any]]


class Trained(NamedTuple):
    """What a case left: measurements per step, the validation behind them, and the parameters at the end."""

    measured: list[dict[str, float]]
    parameters: dict[str, Tensor]


@contextmanager
def ranks(world: int, cases: Path, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes of one world; what still runs at the end is killed."""
    settings = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": str(world)}
    command = [sys.executable, "-W", "error", str(WORKER), str(cases), str(folder)]
    started = [
        subprocess.Popen(command, env=settings | {"RANK": str(rank)}, stderr=subprocess.PIPE, text=True)
        for rank in range(world)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, Cases], dict[str, Trained]]:
    """Run cases on a number of processes."""

    def run(world: int, cases: Cases) -> dict[str, Trained]:
        folder = tmp_path_factory.mktemp(f"world{world}")
        (folder / "cases.json").write_text(json.dumps(cases))
        with ranks(world, folder / "cases.json", folder) as started:
            said = [process.communicate(timeout=SECONDS)[1] for process in started]
            assert [process.returncode for process in started] == [0] * world, "\n".join(said)
        return {
            name: Trained(
                json.loads((folder / f"{name}.json").read_text()), load_file(folder / f"{name}.safetensors")
            )
            for name in cases
        }

    return run
