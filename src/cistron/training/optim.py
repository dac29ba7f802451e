"""The optimiser of pretraining.

A module may say in two tuples of names how its parameters are to be trained:

- `undecayed`: weight decay leaves them alone, whatever their shape.
- `multiplicative`: they are trained by factors, that is, in their logarithm, and never change their sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from cistron.training.pretrain import OptimSettings


def adamw(model: nn.Module, settings: OptimSettings) -> torch.optim.AdamW:
    """AdamW that decays matrices only: norm weights are scales around 1, filters are no sums over channels.

    Fused, which every device that PyTorch ships kernels for can do. Before a step, and before gradients are
    clipped, `take_logarithms` has to be called.
    """
    spared = {id(parameter) for parameter in _marked(model, "undecayed")}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.dim() > 1 and id(parameter) not in spared]
    rest = [parameter for parameter in trained if parameter.dim() <= 1 or id(parameter) in spared]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups,
        lr=0.0,
        betas=(settings.betas[0], settings.betas[1]),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    _step_by_factors(optimizer, list(_marked(model, "multiplicative")))
    return optimizer


@torch.no_grad()
def take_logarithms(model: nn.Module) -> None:
    """Make gradients of multiplicative parameters those of their logarithms: dL/dx · |x|.

    The gradient of a pole grows with its memory, here up to thousands of tokens, and would otherwise decide
    the norm that all gradients are clipped to.
    """
    for parameter in _marked(model, "multiplicative"):
        if parameter.grad is not None:
            parameter.grad.mul_(parameter.abs())


def _marked(model: nn.Module, mark: str) -> Iterator[nn.Parameter]:
    """Trained parameters that their modules name in the tuple `mark`."""
    for module in model.modules():
        for name in getattr(module, mark, ()):
            parameter = getattr(module, name)
            if parameter.requires_grad:
                yield parameter


def _step_by_factors(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
    """Turn what a step adds to these parameters, Δ, into a factor: x · exp(±Δ), towards the same side."""
    before: list[Tensor] = []

    @torch.no_grad()
    def set_aside(*_: object) -> None:
        before.extend(parameter.clone() for parameter in parameters)
        for parameter in parameters:
            parameter.zero_()  # so that the step leaves exactly Δ

    @torch.no_grad()
    def multiply(*_: object) -> None:
        for parameter, old in zip(parameters, before, strict=True):
            parameter.copy_(old * torch.exp(old.sign() * parameter))
        before.clear()

    if parameters:
        optimizer.register_step_pre_hook(set_aside)
        optimizer.register_step_post_hook(multiply)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use the learning rate `rate` for the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate
