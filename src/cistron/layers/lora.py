"""Low-rank adapters: small matrices beside frozen ones, kept apart from the model that they adapt.

The model itself is not changed. A linear layer gets a hook that adds the adapter's product to its output, and
stacked experts get theirs from weights with the adapter added, so that routing and grouping stay one routine.
Such weights are made again for the backward pass, because keeping them would take a second model in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.hooks import RemovableHandle

from cistron.errors import WeightsError
from cistron.layers.moe import Experts, Router, Routing

EXPERTS = ("gate_up_proj", "down_proj")
"""Names of the stacked matrices in `Experts`."""

_Mixed = tuple[Tensor, Routing, Tensor, Tensor]
"""What a mixture of experts is called with."""


class LowRank(nn.Module):
    """The product of two thin matrices, or of a stack of each: what an adapter adds to a weight.

    `b` begins as zeros, so a new adapter changes nothing.

    Source: Hu et al. 2021 (arXiv 2106.09685); initialised as there, scaled by α / r.
    """

    def __init__(self, shape: tuple[int, ...], rank: int, alpha: float) -> None:
        super().__init__()
        *stack, rows, columns = shape
        self.a = nn.Parameter(torch.empty(*stack, rank, columns))
        self.b = nn.Parameter(torch.zeros(*stack, rows, rank))
        self.scale = alpha / rank
        for matrix in self.a.view(-1, rank, columns):
            nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))

    def weight(self) -> Float[Tensor, "*E O I"]:
        """What is added to the weight."""
        return self.scale * (self.b @ self.a)

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """What is added to the output of a layer without a stack."""
        return self.scale * ((x @ self.a.t()) @ self.b.t())


class Adapters(nn.Module):
    """All adapters of a model, by the names of the weights that they add to.

    Args:
        model: What is adapted; its own parameters are left as they are, and stay out of `state_dict`.
        targets: Patterns of weight names such as `*.self_attn.q_proj.weight` or `*.experts.*`.
        rank: Width of the thin matrices.
        alpha: The product is scaled by `alpha / rank`.

    Raises:
        WeightsError: No matrix of the model is called so, or the rank is not above zero.
    """

    def __init__(self, model: nn.Module, targets: Iterable[str], rank: int, alpha: float) -> None:
        super().__init__()
        if rank < 1:
            raise WeightsError(f"an adapter of rank {rank}; it must be 1 or more")
        self.targets, self.rank, self.alpha = tuple(targets), rank, alpha
        self.parts = nn.ModuleDict()
        for name, weight in adaptable(model).items():
            if any(fnmatch(name, target) for target in self.targets):
                part = LowRank(tuple(weight.shape), rank, alpha)
                # A rehearsal without data cannot move tensors, not even to where they are.
                here = part.a.device == weight.device
                self.parts[_key(name)] = part if here else part.to(weight.device)
        if not len(self.parts):
            raise WeightsError(f"no matrix of the model fits {', '.join(self.targets)}")

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """The model answers with its adapters inside this block, and without them behind it."""
        hooks = [handle for name, module in model.named_modules() for handle in self._attached(name, module)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _attached(self, name: str, module: nn.Module) -> Iterator[RemovableHandle]:
        if isinstance(module, Experts):
            parts = {which: self._of(f"{name}.{which}") for which in EXPERTS}
            if any(parts.values()):
                yield from _stack_hooks(module.mix, parts)
        elif isinstance(module, nn.Linear) and (part := self._of(f"{name}.weight")) is not None:
            yield module.register_forward_hook(_linear_hook(part))

    def _of(self, weight: str) -> LowRank | None:
        part = dict(self.parts.items()).get(_key(weight))
        assert part is None or isinstance(part, LowRank)
        return part

    @torch.no_grad()
    def merge(self, model: nn.Module) -> None:
        """Add every adapter to its weight for good; the sum is made in float32 at least."""
        for name, weight in adaptable(model).items():
            if (part := self._of(name)) is not None:
                wide = torch.promote_types(weight.dtype, torch.float32)
                weight.copy_(weight.to(wide) + part.weight().to(wide))

    def published(self) -> dict[str, Tensor]:
        """Tensors by weight name and `.lora_a` or `.lora_b`."""
        return {
            f"{_name(key)}.lora_{kind}": tensor
            for key, part in self.parts.items()
            for kind, tensor in (("a", part.a), ("b", part.b))
        }

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `published` gave.

        Raises:
            WeightsError: A tensor is missing, unexpected, or of another shape.
        """
        mine = self.published()
        if lacking := sorted(mine.keys() - tensors.keys()):
            raise WeightsError(f"the adapter lacks {len(lacking)} of {len(mine)} tensors, first {lacking[0]}")
        if strange := sorted(tensors.keys() - mine.keys()):
            raise WeightsError(f"the adapter holds {strange[0]}, which this model has no place for")
        for name, tensor in mine.items():
            if tensor.shape != tensors[name].shape:
                raise WeightsError(
                    f"{name} has the shape {tuple(tensors[name].shape)}; "
                    f"this model asks for {tuple(tensor.shape)}"
                )
            tensor.copy_(tensors[name])


def adaptable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Weights that an adapter can add to, by name: of linear layers and stacked experts, not of routers."""
    found: dict[str, nn.Parameter] = {}
    for name, module in model.named_modules():
        if isinstance(module, Experts):
            found |= {f"{name}.{which}": module.get_parameter(which) for which in EXPERTS}
        elif isinstance(module, nn.Linear) and not isinstance(module, Router):
            found[f"{name}.weight"] = module.get_parameter("weight")
    return found


def _linear_hook(part: LowRank) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
    def add(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        added: Tensor = part(inputs[0].to(part.a.dtype))
        return output + added.to(output.dtype)

    return add


def _stack_hooks(mix: nn.Module, parts: Mapping[str, LowRank | None]) -> Iterator[RemovableHandle]:
    """Give a mixture weights with adapters, which are not kept for the backward pass but made again."""
    open_hooks: list[saved_tensors_hooks] = []

    def before(module: nn.Module, inputs: _Mixed) -> _Mixed:
        x, routing, *stacks = inputs
        makers = [
            partial(_with, stack, parts[name], x.dtype) for name, stack in zip(EXPERTS, stacks, strict=True)
        ]
        gate_up, down = (make() for make in makers)
        made = {
            stack.untyped_storage()._cdata: make for stack, make in zip((gate_up, down), makers, strict=True)
        }
        hooks = saved_tensors_hooks(partial(_packed, made), _unpacked)
        hooks.__enter__()
        open_hooks.append(hooks)
        return x, routing, gate_up, down

    def after(module: nn.Module, inputs: _Mixed, output: Tensor) -> None:
        open_hooks.pop().__exit__()

    yield mix.register_forward_pre_hook(before)
    yield mix.register_forward_hook(after, always_call=True)


class _Remade(NamedTuple):
    """A tensor that is not kept: what makes its storage again, and where it lies in that."""

    make: Callable[[], Tensor]
    size: torch.Size
    stride: tuple[int, ...]
    offset: int


def _packed(made: Mapping[int, Callable[[], Tensor]], tensor: Tensor) -> Tensor | _Remade:
    make = made.get(tensor.untyped_storage()._cdata)
    if make is None:
        return tensor
    return _Remade(make, tensor.size(), tensor.stride(), int(tensor.storage_offset()))


def _unpacked(packed: Tensor | _Remade) -> Tensor:
    if isinstance(packed, Tensor):
        return packed
    with torch.no_grad():
        return packed.make().as_strided(packed.size, packed.stride, packed.offset)


def _with(weight: Tensor, part: LowRank | None, dtype: torch.dtype) -> Tensor:
    whole = weight if part is None else weight + part.weight().to(weight.dtype)
    return whole.to(dtype)


def _key(name: str) -> str:
    """A weight's name as a module can be called; dots are for modules inside modules."""
    return name.replace(".", ":")


def _name(key: str) -> str:
    return key.replace(":", ".")
