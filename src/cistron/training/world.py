"""The processes that train together: joined from what `torchrun` puts into the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist


@contextmanager
def joined_world() -> Iterator[torch.device]:
    """Join the other processes, if there are any, for the block; gives this process's device.

    One process is one device: the CUDA device of its number on this machine, else the CPU. A process group
    that exists already is used and left as it is.
    """
    device = _device()
    joins = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized()
    if joins:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        if joins:
            dist.destroy_process_group()


def rank() -> int:
    """Number of this process, 0 for the main one."""
    return dist.get_rank() if dist.is_initialized() else 0


def wait_for_all() -> None:
    """Return when all processes are here."""
    highest([0])


def highest(values: list[int]) -> list[int]:
    """Element by element, the highest value that any process gives; the same answer in all of them."""
    if not dist.is_initialized():
        return values
    shared = torch.tensor(values)
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return [int(value) for value in shared]


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device
