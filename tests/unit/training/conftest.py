from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cistron.data.build import Source
from cistron.data.sampling import WindowLength
from cistron.models import MODELS
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

REPEAT = "GATTACCATGGTTCAAGCTAGGCATATCGCC"


@pytest.fixture(scope="session")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.fa` (random bases, one repeat over and over) and `validation.fa` (the repeat)."""
    folder = tmp_path_factory.mktemp("genomes")
    noise = "".join(np.random.default_rng(1).choice(list("ACGT"), 1500))
    (folder / "train.fa").write_text(f">1\n{noise + REPEAT * 120}\n>2\n{REPEAT * 60}\n")
    (folder / "validation.fa").write_text(f">20\n{REPEAT * 30}\n")
    (folder / "leak.fa").write_text(f">chr20\n{REPEAT * 30}\n")
    return folder


@pytest.fixture(scope="session")
def make_run(genomes: Path) -> Callable[..., Pretraining]:
    """A tiny run of six steps in two stages, in float32; keywords replace its settings."""

    def make(**changes: object) -> Pretraining:
        standard: dict[str, object] = {
            "architecture": "genos",
            "model": MODELS.get("genos").sizes["genos-tiny"].to_dict(),
            "data": DataSettings(
                sources=(Source(str(genomes / "train.fa")),),
                held_out=("20",),
                validation=Source(str(genomes / "validation.fa")),
                validation_bases=900,
                validation_windows=4,
            ),
            "stages": (
                Stage((WindowLength(32),), tokens=128, steps=4),
                Stage((WindowLength(64), WindowLength(32)), tokens=128, total_tokens=256, rope_theta=1e6),
            ),
            "optim": OptimSettings(lr=3e-3, warmup=2),
            "seed": 3,
            "autocast": False,
            "loggers": (),
            "log_every": 1,
            "validate_every": 3,
            "checkpoint_every": 2,
        }
        return Pretraining(**standard | changes)  # type: ignore[arg-type]

    return make


TIMES = {"seconds", "tokens_per_second", "mfu"}


def log_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's log, without what a clock says."""
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


@pytest.fixture(name="log_of")
def log_of_fixture() -> Callable[[Path], list[dict[str, Any]]]:
    return log_of
