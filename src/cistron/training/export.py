"""From a checkpoint of a run to a model folder that every command takes, and transformers too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from cistron.data.packed import PackedCorpus
from cistron.errors import InputError, ResumeError
from cistron.models import MODELS, Config
from cistron.tokenizers import TOKENIZERS
from cistron.training.checkpoint import best, complete, newest, step_of, weights_of
from cistron.training.corpora import corpora_of, identity
from cistron.training.folder import saved_run
from cistron.training.pretrain import Pretraining, Stage
from cistron.training.stages import Timetable
from cistron.weights.folder import save_folder


def export_run(
    folder: Path,
    output: Path,
    *,
    which: str = "newest",
    dtype: torch.dtype | None = torch.bfloat16,
    overwrite: bool = False,
) -> int:
    """Write a checkpoint of the run in `folder` as a model folder and return the steps it had done.

    Args:
        folder: The run's folder.
        output: The model folder to write.
        which: `newest`, `best` by validation loss, or a number of steps.
        dtype: What floating tensors become; as they are when None.
        overwrite: Replace a model folder that is there.

    Raises:
        ResumeError: There is no such checkpoint, or it is damaged.
        OutputError: `output` exists or cannot be written.
    """
    run = saved_run(folder)
    weights, progress = weights_of(_chosen(folder, which))
    spec = MODELS.get(run.architecture)
    config = config_at(run, spec.config(run.model), progress["step"])
    with torch.device("meta"):
        model = spec.build(config)
    model.load_state_dict(weights, assign=True)
    save_folder(
        output,
        model,
        TOKENIZERS.get(spec.tokenizer)(),
        spec,
        _card(run, corpora_of(run.data, folder), progress),
        dtype=dtype,
        overwrite=overwrite,
    )
    step: int = progress["step"]
    return step


def config_at(run: Pretraining, config: Config, step: int) -> Config:
    """The model's settings after `step` steps: with the rotary positions of its stage."""
    last = Timetable(run.stages, run.optim).stage(max(step - 1, 0))
    for stage in run.stages[: last + 1]:
        config = with_rope(config, stage)
    return config


def with_rope(config: Config, stage: Stage) -> Config:
    """The same settings with the RoPE base and factor that a stage gives.

    Raises:
        InputError: The architecture has none.
    """
    given = {"rope_theta": stage.rope_theta, "rope_factor": stage.rope_factor}
    changes = {name: value for name, value in given.items() if value is not None}
    for name in changes:
        if not hasattr(config, name):
            lacking = "no rotary positions" if name == "rope_theta" else "no interpolated rotary positions"
            raise InputError(f"a stage sets {name}, but the architecture has {lacking}")
    return cast(Config, replace(cast(Any, config), **changes))


def _chosen(folder: Path, which: str) -> Path:
    if which == "newest":
        return newest(folder)
    found = best(folder) if which == "best" else None
    for path in complete(folder):
        if which == str(step_of(path)):
            found = path
    if found is None:
        steps = ", ".join(str(step_of(path)) for path in complete(folder)) or "none"
        raise ResumeError(f"{folder} has no checkpoint '{which}'; it has newest, best, or steps: {steps}")
    return found


def _card(run: Pretraining, corpora: list[PackedCorpus], progress: dict[str, Any]) -> dict[str, Any]:
    card = {
        "steps": progress["step"],
        "tokens_seen": progress["tally"]["tokens"],
        "data_sha256": identity(corpora),
        "data_bases": sum(corpus.num_bases for corpus in corpora),
        "seed": run.seed,
    }
    if progress["validation"] is not None:
        card["validation_nats_per_base"] = progress["validation"]
    return {"name": run.name, **card} if run.name else card
