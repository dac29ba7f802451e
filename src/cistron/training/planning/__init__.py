"""Plan a run before there is a GPU: what it needs, how long it takes, and how to divide it.

Memory comes from rehearsing the run's own step without data (`rehearsal`), time from its operations and its
traffic (`speed`). See `docs/design/plan.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from cistron.layers.moe import SparseMoE
from cistron.models import MODELS
from cistron.training.planning.estimate import Estimate, Estimator
from cistron.training.planning.rehearsal import Memory
from cistron.training.planning.search import Search, too_small, usable
from cistron.training.planning.speed import Device, device_named
from cistron.training.pretrain import Pretraining, check

__all__ = [
    "HEADROOM",
    "Device",
    "Estimate",
    "Memory",
    "Plan",
    "count_parameters",
    "device_named",
    "make_plan",
]

HEADROOM = 0.08
"""Share of a GPU's memory that is left to the driver, to libraries and to fragments."""


@dataclass(frozen=True)
class Plan:
    """How to run a run.

    Attributes:
        gpus: How many there are.
        gpu_memory: Bytes of each.
        device: Which they are.
        parameters: Of the model.
        active: Parameters that a token meets.
        estimates: Layouts that fit, best first.
        without: Memory of the first without activation checkpointing.
        checkpointed: Memory of the first with it.
    """

    gpus: int
    gpu_memory: int
    device: Device
    parameters: int
    active: int
    estimates: tuple[Estimate, ...]
    without: Memory
    checkpointed: Memory


def make_plan(
    run: Pretraining,
    gpus: int,
    gpu_memory: int,
    device: Device,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Plan:
    """The fastest ways to run `run` on so many GPUs.

    Args:
        run: Any; its layout, micro-batch and checkpointing are what is looked for.
        gpus: How many.
        gpu_memory: Bytes of each.
        device: Which.
        progress: Told about every layout that is tried.

    Raises:
        InputError: No layout divides the run among so many GPUs, or none fits their memory; says what would.
    """
    check(run)
    candidates = usable(run, gpus)
    search = Search(Estimator(run, device), int(gpu_memory * (1 - HEADROOM)))
    for number, layout in enumerate(candidates):
        progress(number, len(candidates), str(layout))
        search.consider(layout)
    estimates = search.verified()
    if not estimates:
        raise too_small(search, gpus, gpu_memory)
    progress(len(candidates), len(candidates), "")
    best = estimates[0]
    checkpointing = best.run.activation_checkpointing
    other = search.estimator.estimate(best.layout, best.rows, checkpointing=not checkpointing)
    memories = {checkpointing: best.memory, not checkpointing: other.memory}
    parameters, active = count_parameters(run)
    return Plan(
        gpus, gpu_memory, device, parameters, active, tuple(estimates), memories[False], memories[True]
    )


def count_parameters(run: Pretraining) -> tuple[int, int]:
    """Parameters of the run's model, and those that a token meets: of the experts only the chosen."""
    spec = MODELS.get(run.architecture)
    with torch.device("meta"):
        model = spec.build(spec.config(run.model))
    total = sum(parameter.numel() for parameter in model.parameters())
    idle = 0
    for module in model.modules():
        if isinstance(module, SparseMoE):
            experts = len(module.gate.weight)
            each = sum(weight.numel() for weight in module.experts.parameters()) // experts
            idle += (experts - module.top_k) * each
    return total, total - idle
