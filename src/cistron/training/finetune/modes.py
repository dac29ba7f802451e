"""What is trained: the head alone, adapters besides, the last layers, or the whole model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import nn

from cistron.errors import InputError
from cistron.layers.lora import Adapters
from cistron.registry import unknown
from cistron.training.finetune import MODES, HeadTraining


class Trained(nn.Module):
    """A head with what is trained of the model beside it; its state dict is what a checkpoint holds.

    Attributes:
        head: The head.
        adapters: Low-rank adapters; None in other modes.
        weights: The model's own weights that are trained, by name with dots as colons.
    """

    def __init__(self, run: HeadTraining, model: nn.Module, head: nn.Module) -> None:
        super().__init__()
        if run.mode not in MODES:
            raise InputError(unknown("mode", run.mode, MODES))
        self.head = head
        self.adapters: Adapters | None = None
        model.requires_grad_(False)
        if run.mode == "lora":
            self.adapters = Adapters(model, run.lora.targets, run.lora.rank, run.lora.alpha)
        named: Iterable[tuple[str, nn.Parameter]] = ()
        if run.mode == "full":
            named = model.named_parameters()
        elif run.mode == "last":
            named = _last_layers(model, run.last)
        self.weights = nn.ParameterDict(
            {name.replace(".", ":"): parameter.requires_grad_() for name, parameter in named}
        )

    @property
    def changes_model(self) -> bool:
        """Whether the model itself is trained."""
        return bool(len(self.weights))

    @property
    def reads_model(self) -> bool:
        """Whether what the model says of a sequence changes in training."""
        return self.changes_model or self.adapters is not None

    def reading(self, model: nn.Module) -> AbstractContextManager[None]:
        """The model with its adapters, if there are any, inside the block."""
        return nullcontext() if self.adapters is None else self.adapters.on(model)

    def groups(self, run: HeadTraining) -> list[dict[str, Any]]:
        """Parameter groups: matrices and vectors, of the head and of the rest."""
        rates = {"head": run.optim.lr, "rest": run.optim.model_lr}
        found: dict[tuple[str, bool], list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                key = "head" if name.startswith("head.") else "rest", parameter.dim() > 1
                found.setdefault(key, []).append(parameter)
        return [
            {
                "params": parameters,
                "peak": rates[part],
                "weight_decay": run.optim.weight_decay if matrices else 0.0,
            }
            for (part, matrices), parameters in found.items()
        ]


def _last_layers(model: nn.Module, count: int) -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters of the last `count` layers and of the final norm behind them."""
    lists = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.ModuleList)]
    if not lists:
        raise InputError("the model has no list of layers, so its last ones cannot be trained alone")
    # Layers hold most of what is learned; tables of counts and lists inside of layers hold less.
    name, layers = max(lists, key=lambda pair: (_learned(pair[1]), -pair[0].count(".")))
    if not 1 <= count <= len(layers):
        raise InputError(f"last is {count}; the model has {len(layers)} layers")
    kept = [f"{name}.{number}." for number in range(len(layers) - count, len(layers))]
    kept.append(f"{name.rpartition('.')[0]}.norm.".lstrip("."))
    for full, parameter in model.named_parameters():
        if full.startswith(tuple(kept)) and parameter.is_floating_point():
            yield full, parameter


def _learned(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.is_floating_point())
