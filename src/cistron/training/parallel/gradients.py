"""The norm of gradients that lie in parts on many ranks."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> Float[Tensor, ""]:
    """Scale gradients down to a norm of at most `max_norm` and return the norm before.

    Whatever mesh a gradient lies on: every rank adds the squares of its parts, each divided by the number of
    ranks that hold the same part, and one sum over all ranks does the rest.
    """
    parts: dict[int, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            parts.setdefault(_copies(parameter.grad), []).append(_local(parameter.grad))
    square = torch.stack([nn.utils.get_total_norm(grads).square() / n for n, grads in parts.items()]).sum()
    dist.all_reduce(square)
    norm = square.sqrt()
    # A product with 1 where nothing is clipped spares a look at `norm`, for which a GPU would have to stop.
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for grads in parts.values():
        torch._foreach_mul_(grads, factor)
    return norm


def _local(gradient: Tensor) -> Tensor:
    return gradient.to_local() if isinstance(gradient, DTensor) else gradient


def _copies(gradient: Tensor) -> int:
    """Ranks that hold the same part of a gradient."""
    if not isinstance(gradient, DTensor):
        return dist.get_world_size()
    mesh = gradient.device_mesh
    placed = zip(mesh.shape, gradient.placements, strict=True)
    return dist.get_world_size() // prod(size for size, how in placed if not how.is_replicate())
