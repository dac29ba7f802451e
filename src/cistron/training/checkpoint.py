"""Save and restore a run in flight: weights, optimiser moments and step, without pickles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cistron.errors import ResumeError


def save_checkpoint(folder: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write `folder/checkpoint` so that a crash at any moment leaves the old or the new one whole."""
    fresh, current = folder / "checkpoint.tmp", folder / "checkpoint"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file(
        {name: p.detach().contiguous() for name, p in model.state_dict().items()}, fresh / "model.safetensors"
    )
    save_file(_moments(optimizer), fresh / "optimizer.safetensors")
    (fresh / "step.json").write_text(json.dumps({"step": step}))
    previous = folder / "checkpoint.old"
    if current.exists():  # else an earlier crash left only the previous one, which must outlive the rename
        shutil.rmtree(previous, ignore_errors=True)
        current.rename(previous)
    fresh.rename(current)
    shutil.rmtree(previous, ignore_errors=True)


def load_checkpoint(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Restore model and optimiser in place and return the number of steps done.

    Raises:
        ResumeError: The folder has no complete checkpoint.
    """
    found = next((p for p in (folder / "checkpoint", folder / "checkpoint.old") if p.exists()), None)
    if found is None:
        raise ResumeError(f"{folder} has no checkpoint to resume from; start without --resume")
    model.load_state_dict(load_file(found / "model.safetensors"))
    moments = load_file(found / "optimizer.safetensors")
    for index, parameter in enumerate(_parameters(optimizer)):
        optimizer.state[parameter] = {
            name: moments[f"{index}.{name}"] for name in ("step", "exp_avg", "exp_avg_sq")
        }
    step: int = json.loads((found / "step.json").read_text())["step"]
    return step


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _moments(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{index}.{name}": value.contiguous()
        for index, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state[parameter].items()
    }
