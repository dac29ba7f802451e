"""`cistron plan`: what a run needs, before there is a GPU."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cistron.cli.progress import progress_of
from cistron.errors import InputError
from cistron.training import RECIPES
from cistron.training.settings import apply_settings

if TYPE_CHECKING:
    from cistron.training.planning import Estimate, Memory, Plan
    from cistron.training.pretrain import Pretraining

COMMAND = typer.Typer(help="Plan a run: memory, speed and layout.", no_args_is_help=True)

GIB = 2**30
SHOWN = 5
AXES = ("shard", "tensor", "expert", "context")


@COMMAND.callback()
def _group() -> None:
    """Keeps `train` a subcommand while it is the only one."""


@COMMAND.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe; `cistron train list` shows them.")],
    gpus: Annotated[int, typer.Option(min=1, help="How many GPUs there are.")] = 8,
    gpu_memory: Annotated[float, typer.Option(min=1, metavar="GIB", help="Memory of each.")] = 80,
    gpu: Annotated[str, typer.Option(metavar="NAME", help="Which: its speed and its wires.")] = "H100",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the recipe; repeatable."),
    ] = None,
    stage: Annotated[
        int | None,
        typer.Option(min=0, help="Plan this stage alone, from 0; a resumed run may change its layout."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what training a recipe takes on so many GPUs, and the layout to train it in.

    Layout, micro-batch and activation checkpointing of the recipe are replaced by the fastest that fit.
    Memory is rehearsed with the run's own code, with experts used evenly; times assume that arithmetic runs
    at 40 % of the GPU's peak.

    Example: cistron plan train genos-10b --gpus 64 --gpu-memory 80
    """
    from cistron.training.planning import device_named, make_plan
    from cistron.training.pretrain import Pretraining

    run = apply_settings(RECIPES.get(recipe)(), settings or ())
    if not isinstance(run, Pretraining):
        raise InputError(
            f"{recipe} trains on one CPU and needs no plan; run it with `cistron train {recipe}`"
        )
    if stage is not None:
        run = _only(run, stage)
    device = device_named(gpu)
    with progress_of(f"Planning {recipe}") as progress:
        plan = make_plan(run, gpus, int(gpu_memory * GIB), device, progress)
    if as_json:
        print(json.dumps(_facts(recipe, plan), indent=2))
    else:
        _show(recipe, plan)


def _only(run: Pretraining, stage: int) -> Pretraining:
    """The run without its other stages."""
    if stage >= len(run.stages):
        raise InputError(f"there is no stage {stage}; the run has stages 0 to {len(run.stages) - 1}")
    lr = run.optim.lr
    optim = replace(run.optim, lr=lr[stage : stage + 1]) if isinstance(lr, tuple) else run.optim
    return replace(run, stages=(run.stages[stage],), optim=optim)


def _facts(recipe: str, plan: Plan) -> dict[str, Any]:
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


def _show(recipe: str, plan: Plan) -> None:
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
    table = _table("GiB of a rank at its peak", "without checkpointing", "with checkpointing")
    for kind, size in _bytes(plan.without).items():
        table.add_row(kind, _gib(size), _gib(_bytes(plan.checkpointed)[kind]))
    return table


def _stage_table(plan: Plan) -> Any:
    """Speed and time of every stage in the suggested layout."""
    table = _table("stage", "longest window", "tokens", "tokens/s", "time")
    best = plan.estimates[0]
    for number, stage in enumerate(best.stages):
        table.add_row(
            str(number),
            f"{stage.longest:,}",
            f"{stage.tokens:.3g}",
            f"{stage.tokens_per_second:,.0f}",
            _time(stage.seconds),
        )
    tokens = sum(stage.tokens for stage in best.stages)
    table.add_row("all", "", f"{tokens:.3g}", f"{best.tokens_per_second:,.0f}", _time(best.seconds))
    return table


def _layout_table(plan: Plan) -> Any:
    """The fastest layouts."""
    table = _table(*AXES, "checkpointing", "windows at once", "GiB", "tokens/s")
    for estimate in plan.estimates[:SHOWN]:
        table.add_row(
            *(str(getattr(estimate.layout, axis)) for axis in AXES),
            "yes" if estimate.run.activation_checkpointing else "no",
            str(estimate.rows),
            _gib(estimate.memory.total),
            f"{estimate.tokens_per_second:,.0f}",
        )
    return table


def _table(first: str, *others: str) -> Any:
    from rich.table import Table

    table = Table(first, box=None, pad_edge=False)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _gib(size: int) -> str:
    """Bytes as GiB, with two digits that say something."""
    return f"{size / GIB:,.2f}" if size >= GIB / 10 else f"{size / GIB:.2g}"


def _time(seconds: float) -> str:
    """A duration in the unit that suits it."""
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} seconds"
