"""One run on several processes: records and the language model are divided among them, all else is on each.

Started by `torchrun`. Every process reads a part of each batch; the weights of the language model, frozen
ones and adapters, lie in parts on all of them and are gathered layer by layer (FSDP). The loss, and so the
gradients, are sums over all records of a step, as with one process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from cistron.training.parallel.gradients import clip_gradients
from cistron.training.parallel.shard import blocks

T = TypeVar("T")


def processes() -> int:
    """How many there are; 1 where no process group was started."""
    return dist.get_world_size() if dist.is_initialized() else 1


def divide(model: nn.Module, device: torch.device) -> None:
    """Divide the weights of a language model among all processes, layer by layer; does nothing with one."""
    if processes() == 1:
        return
    mesh = init_device_mesh(device.type, (processes(),))
    for module in (*blocks(model), model):
        fully_shard(module, mesh=mesh)
        assert isinstance(module, FSDPModule)
        module.set_gradient_divide_factor(1.0)
        # Otherwise a factor of 1 is a product before the sum, which gloo does not have.
        module.set_force_sum_reduction_for_comms(True)


def gather(model: nn.Module) -> None:
    """Have what a divided model holds beside its layers, such as embeddings, whole until its next pass."""
    if isinstance(model, FSDPModule):
        model.unshard()


def part_of(batch: Sequence[T]) -> tuple[Sequence[T], float]:
    """This process's records of a batch, and what their loss counts.

    One that has none takes the first, which counts nothing: all processes must gather weights together.
    """
    number = dist.get_rank() if dist.is_initialized() else 0
    mine = batch[number :: processes()]
    return (mine, 1.0) if mine else (batch[:1], 0.0)


def add_up(parameters: Iterable[nn.Parameter]) -> None:
    """Add up gradients of weights that are whole on every process; those in parts are added up already."""
    if processes() == 1:
        return
    for parameter in parameters:
        if isinstance(parameter, DTensor):
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        dist.all_reduce(parameter.grad)


def clip(module: nn.Module, most: float) -> None:
    """Scale gradients down to a norm of at most `most`, the same on all processes."""
    if processes() == 1:
        nn.utils.clip_grad_norm_(module.parameters(), most)
    else:
        clip_gradients(module.parameters(), most)


def total(value: float) -> float:
    """The sum of a number over all processes."""
    if processes() == 1:
        return value
    summed = torch.tensor(value, dtype=torch.float64)
    dist.all_reduce(summed)
    return float(summed)


def whole(tensor: Tensor) -> Tensor:
    """A tensor that lies in parts on all processes, gathered; all must ask for it together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
