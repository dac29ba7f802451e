from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cistron.data.corpus import Source
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
            "stages": (Stage(length=32, batch=4, steps=4), Stage(length=64, batch=2, steps=2)),
            "optim": OptimSettings(lr=3e-3, warmup=2),
            "seed": 3,
            "autocast": False,
            "log_every": 1,
            "validate_every": 3,
            "checkpoint_every": 2,
        }
        return Pretraining(**standard | changes)  # type: ignore[arg-type]

    return make
