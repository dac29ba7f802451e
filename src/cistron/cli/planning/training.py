"""What `cistron plan train` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cistron.training.planning import Estimate, Memory, Plan

GIB = 2**30
SHOWN = 5
AXES = ("shard", "tensor", "expert", "context")


def training_facts(recipe: str, plan: Plan) -> dict[str, Any]:
    """The plan as plain values; bytes, seconds and tokens a second."""
    from cistron.training.planning import HEADROOM
    from cistron.training.planning.speed import ASSUMED_MFU

    best = plan.estimates[0]
    return {
        "recipe": recipe,
        "gpus": plan.gpus,
        "gpu": asdict(plan.device),
        "gpu_memory": plan.gpu_memory,
        "assumed": {"mfu": ASSUMED_MFU, "headroom": HEADROOM, "experts": "used evenly"},
        "parameters": plan.parameters,
        "active_parameters": plan.active,
        "memory": _bytes(best.memory),
        "memory_without_checkpointing": _bytes(plan.without),
        "memory_with_checkpointing": _bytes(plan.checkpointed),
        "stages": [asdict(stage) | {"seconds": stage.seconds} for stage in best.stages],
        "settings": _settings(best),
        "layouts": [_row(estimate) for estimate in plan.estimates],
    }


def _bytes(memory: Memory) -> dict[str, int]:
    return asdict(memory) | {"total": memory.total}


def _row(estimate: Estimate) -> dict[str, Any]:
    return {
        "layout": asdict(estimate.layout),
        "windows_at_once": estimate.rows,
        "activation_checkpointing": estimate.run.activation_checkpointing,
        "memory": estimate.memory.total,
        "tokens_per_second": estimate.tokens_per_second,
        "seconds": estimate.seconds,
    }


def _settings(estimate: Estimate) -> list[str]:
    """What to give to `cistron train --set`."""
    axes = (f"layout.{axis}={getattr(estimate.layout, axis)}" for axis in AXES[1:])
    checkpointing = str(estimate.run.activation_checkpointing).lower()
    return [
        *axes,
        f"micro_tokens={estimate.run.micro_tokens}",
        f"activation_checkpointing={checkpointing}",
    ]


def show_training(recipe: str, plan: Plan) -> None:
    """Print the plan as tables."""
    from rich.console import Console

    best, console = plan.estimates[0], Console()
    print(f"{recipe}: {plan.parameters:,} parameters, {plan.active:,} of them active for a token")
    print(f"on {plan.gpus} × {plan.device.name} with {plan.gpu_memory / GIB:g} GiB: {best.layout}")
    for table in (_memory_table(plan), _stage_table(plan), _layout_table(plan)):
        print()
        console.print(table)
    options = " ".join(f"--set {setting}" for setting in _settings(best))
    print(f"\n{_launcher(plan.gpus)} train {recipe} -o RUN {options}")


def _launcher(gpus: int) -> str:
    """What starts one process for each GPU."""
    from cistron.training.planning.speed import PER_NODE

    if gpus == 1:
        return "cistron"
    nodes = f"--nnodes {-(-gpus // PER_NODE)} " if gpus > PER_NODE else ""
    return f"torchrun {nodes}--nproc-per-node {min(gpus, PER_NODE)} -m cistron"


def _memory_table(plan: Plan) -> Any:
    """GiB of a rank by kind, without and with activation checkpointing."""
    table = plain_table("GiB of a rank at its peak", "without checkpointing", "with checkpointing")
    for kind, size in _bytes(plan.without).items():
        table.add_row(kind, gib(size), gib(_bytes(plan.checkpointed)[kind]))
    return table


def _stage_table(plan: Plan) -> Any:
    """Speed and time of every stage in the suggested layout."""
    table = plain_table("stage", "longest window", "tokens", "tokens/s", "time")
    best = plan.estimates[0]
    for number, stage in enumerate(best.stages):
        table.add_row(
            str(number),
            f"{stage.longest:,}",
            f"{stage.tokens:.3g}",
            f"{stage.tokens_per_second:,.0f}",
            duration(stage.seconds),
        )
    tokens = sum(stage.tokens for stage in best.stages)
    table.add_row("all", "", f"{tokens:.3g}", f"{best.tokens_per_second:,.0f}", duration(best.seconds))
    return table


def _layout_table(plan: Plan) -> Any:
    """The fastest layouts."""
    table = plain_table(*AXES, "checkpointing", "windows at once", "GiB", "tokens/s")
    for estimate in plan.estimates[:SHOWN]:
        table.add_row(
            *(str(getattr(estimate.layout, axis)) for axis in AXES),
            "yes" if estimate.run.activation_checkpointing else "no",
            str(estimate.rows),
            gib(estimate.memory.total),
            f"{estimate.tokens_per_second:,.0f}",
        )
    return table


def plain_table(first: str, *others: str) -> Any:
    """A table without lines, whose columns but the first are numbers."""
    from rich.table import Table

    table = Table(first, box=None, pad_edge=False)
    for name in others:
        table.add_column(name, justify="right")
    return table


def gib(size: int) -> str:
    """Bytes as GiB, with two digits that say something."""
    return f"{size / GIB:,.2f}" if size >= GIB / 10 else f"{size / GIB:.2g}"


def duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} seconds"
