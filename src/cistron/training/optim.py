"""The optimiser of pretraining."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cistron.training.pretrain import OptimSettings


def adamw(model: nn.Module, settings: OptimSettings) -> torch.optim.AdamW:
    """AdamW that decays matrices only: norm weights are scales around 1.

    Fused, which every device that PyTorch ships kernels for can do.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.dim() > 1]
    vectors = [parameter for parameter in trained if parameter.dim() <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups,
        lr=0.0,
        betas=(settings.betas[0], settings.betas[1]),
        weight_decay=settings.weight_decay,
        fused=True,
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use the learning rate `rate` for the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate
