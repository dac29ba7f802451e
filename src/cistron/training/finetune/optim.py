"""Optimisers of fine-tuning, whose state can be saved and loaded before the first step."""

from __future__ import annotations

import torch

from cistron.errors import UnknownNameError
from cistron.registry import unknown
from cistron.training.finetune import HeadTraining
from cistron.training.finetune.modes import Trained

OPTIMIZERS = ("adamw", "adafactor")


def optimizer_of(trained: Trained, run: HeadTraining) -> torch.optim.Optimizer:
    """The optimiser that the settings name, over what is trained.

    Adafactor moves by the rate itself, not by the rate times the size of a weight, which is what the common
    trainer of language models does. PyTorch's takes the larger of a weight's root mean square and a floor; a
    floor of 1 makes that factor 1.

    Source: Shazeer & Stern 2018 (arXiv 1804.04235), algorithm 4 without relative step sizes.

    Raises:
        UnknownNameError: There is no such optimiser.
    """
    groups = trained.groups(run)
    if run.optim.name == "adamw":
        return torch.optim.AdamW(groups, lr=0.0)
    if run.optim.name != "adafactor":
        raise UnknownNameError(unknown("optimiser", run.optim.name, OPTIMIZERS))
    optimizer = torch.optim.Adafactor(groups, lr=0.0, eps=(None, 1.0))
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            optimizer.state[parameter] = _first_variances(parameter)
    return optimizer


def _first_variances(parameter: torch.Tensor) -> dict[str, torch.Tensor]:
    """The state that Adafactor makes at its first step, made now so that it can be loaded into."""
    step = torch.zeros((), dtype=torch.float32)
    if parameter.dim() < 2:
        return {"step": step, "variance": torch.zeros_like(parameter)}
    rows, columns = [*parameter.shape], [*parameter.shape]
    rows[-1], columns[-2] = 1, 1
    return {"step": step, "row_var": parameter.new_zeros(rows), "col_var": parameter.new_zeros(columns)}
