"""What the routers of a mixture of experts decide, seen from outside while a model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.errors import InputError
from cistron.layers.moe import SparseMoE
from cistron.models import Model

NEAR_TIE: Final = 1e-4
"""Gap of router logits below which rounding may choose another expert: in float32, logits of one token differ
by about 1e-5 between batches of different shape."""


class Choice(NamedTuple):
    """What one router decided.

    Attributes:
        experts: Chosen experts of each token, best first.
        gap: How much the last chosen logit exceeds the best that was not chosen.
    """

    experts: Int[Tensor, "T k"]
    gap: Float[Tensor, "T"]


def moe_layers(model: Model) -> dict[str, SparseMoE]:
    """The model's mixtures of experts by module name, first to last.

    Raises:
        InputError: It has none.
    """
    modules = cast(nn.Module, model).named_modules()
    found = {name: module for name, module in modules if isinstance(module, SparseMoE)}
    if not found:
        raise InputError(f"a {type(model).__name__} model has no experts, so nothing is routed")
    return found


@contextmanager
def watched_routers(model: Model) -> Iterator[dict[str, Choice]]:
    """Give a mapping from layer to choice that every forward pass in the block fills anew.

    Raises:
        InputError: The model has no routers.
    """
    seen: dict[str, Choice] = {}

    def watch(name: str, top_k: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(module: nn.Module, args: tuple[Tensor, ...], logits: Tensor) -> None:
            seen[name] = _choice(logits.detach(), top_k)

        return hook

    layers = moe_layers(model).items()
    handles = [layer.gate.register_forward_hook(watch(name, layer.top_k)) for name, layer in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _choice(logits: Float[Tensor, "T E"], top_k: int) -> Choice:
    if logits.shape[-1] <= top_k:
        return Choice(logits.topk(top_k, dim=-1).indices, logits.new_full(logits.shape[:1], torch.inf))
    best = logits.topk(top_k + 1, dim=-1)
    return Choice(best.indices[:, :top_k], best.values[:, top_k - 1] - best.values[:, top_k])
