"""What a verb would take: found out on the model, printed as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cistron.cli.planning.training import GIB, duration, gib, plain_table
from cistron.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import torch

    from cistron.inference.planning import Batch
    from cistron.inference.planning.costs import Costs
    from cistron.inference.planning.speed import Speed
    from cistron.inference.planning.workload import Workload
    from cistron.models import Config, Model, ModelSpec


@dataclass(frozen=True)
class WorkRequest:
    """What the user wants to know.

    Attributes:
        verb: Name of the command that is planned.
        model: As for that command, or a size that has no weights here, `architecture/size`.
        device: `auto`, `cpu` or `cuda`.
        dtype: Arithmetic.
        cache_dtype: Of keys and values; None for the arithmetic's.
        batch_tokens: Wanted; None for what fits.
        memory: GiB that there are; None for what is free.
        gpu: Name of a GPU that is not at hand.
        threads: CPU threads.
        as_json: Print JSON.
    """

    verb: str
    model: str = "default"
    device: str = "auto"
    dtype: str = "auto"
    cache_dtype: str | None = None
    batch_tokens: int | None = None
    memory: float | None = None
    gpu: str | None = None
    threads: int | None = None
    as_json: bool = False


@dataclass(frozen=True)
class _Subject:
    """The model in question, with its weights where they are at hand and wanted."""

    name: str
    spec: ModelSpec
    config: Config
    model: Model | None
    device: str


@dataclass(frozen=True)
class WorkPlan:
    """What a verb would take.

    Attributes:
        costs: Of each token.
        work: To be done.
        batch: That fits.
        side_by_side: Batches that are in work at a time; the memory of `batch` is that of all of them.
        memory: Bytes there are for the model.
        program: Bytes of interpreter and libraries; 0 on a GPU.
        speed: Of the device.
        seconds: Of the whole work.
        floor: Seconds of the arithmetic alone at the most the device can do; None where that is not known.
    """

    costs: Costs
    work: Workload
    batch: Batch
    side_by_side: int
    memory: int
    program: int
    speed: Speed
    seconds: float
    floor: float | None


def plan_work(request: WorkRequest, work: Callable[[Config], Workload]) -> None:
    """Print what a verb would take.

    Args:
        request: Of the user.
        work: Gives what there is to do, for a model of such a config.

    Raises:
        InputError: It does not fit the memory; says what would.
        UnknownNameError: No such model or GPU.
    """
    import torch

    if request.threads is not None:
        torch.set_num_threads(request.threads)
    subject = _subject(request)
    plan = _planned(request, subject, work(subject.config))
    if request.as_json:
        print(json.dumps(_facts(request, subject, plan), indent=2))
    else:
        _show(request, subject, plan)


def _subject(request: WorkRequest) -> _Subject:
    from cistron.inference.load import pick_device
    from cistron.weights.folder import read_config
    from cistron.weights.hub import resolve

    if request.gpu is not None and request.device == "cpu":
        raise InputError("--gpu and --device cpu contradict each other; leave one out")
    device = "cuda" if request.gpu else pick_device(request.device).type
    found = _registered(request.model)
    if found is not None:
        return _Subject(request.model, *found, None, device)
    if request.gpu is not None:
        return _Subject(request.model, *read_config(resolve(request.model)), None, device)
    from cistron.cli.loading import loaded

    built = loaded(request.model, device, request.dtype)
    return _Subject(built.name, built.spec, built.model.config, built.model, device)


def _registered(name: str) -> tuple[ModelSpec, Config] | None:
    """The named size of an architecture."""
    from cistron.models import MODELS

    architecture, _, size = name.partition("/")
    if not size:
        return None
    with suppress(UnknownNameError):
        spec = MODELS.get(architecture)
        if size in spec.sizes:
            return spec, spec.sizes[size]
    return None


def _planned(request: WorkRequest, subject: _Subject, work: Workload) -> WorkPlan:
    from cistron.inference.chunks import CHUNK_TOKENS
    from cistron.inference.load import DTYPES
    from cistron.inference.planning import fit_batch, rows_of
    from cistron.inference.planning.costs import rehearsed_costs

    dtype = DTYPES[request.dtype]
    cache_dtype = None if request.cache_dtype is None else DTYPES[request.cache_dtype]
    costs = rehearsed_costs(
        subject.spec, subject.config, dtype, subject.device, CHUNK_TOKENS // 4, cache_dtype
    )
    program, memory = _memory(request, subject, costs)
    most, at_once = _batches(request, subject.device)
    batch = fit_batch(costs.side_by_side(at_once), work.longest, memory, most=most)
    speed, flops = _speed(request, subject, costs, dtype, generates=work.steps > 0)
    floor = None if flops is None else costs.flops(work.tokens, work.pairs) / flops
    seconds = speed.seconds(work, rows_of(batch, work))
    return WorkPlan(costs, work, batch, at_once, memory, program, speed, seconds, floor)


def _batches(request: WorkRequest, device: str) -> tuple[int, int]:
    """Tokens of a batch that the verb would begin with, and how many batches it has in work at a time."""
    import torch

    from cistron.inference.planning import BATCH_TOKENS
    from cistron.inference.score import batch_tokens_on
    from cistron.inference.scoring.workers import workers

    if request.verb == "score":
        return request.batch_tokens or batch_tokens_on(device), workers(torch.device(device))
    return request.batch_tokens or BATCH_TOKENS, 1


def _memory(request: WorkRequest, subject: _Subject, costs: Costs) -> tuple[int, int]:
    """Bytes of the program itself, and bytes there are for the model."""
    from cistron.inference.planning.free_memory import free_memory, used_memory

    if subject.device == "cuda":
        if request.memory is None and request.gpu is not None:
            raise InputError("how much memory a GPU that is not here has must be given: --memory GIB")
        return 0, round(request.memory * GIB) if request.memory is not None else free_memory("cuda")
    held = costs.weights if subject.model is not None else 0
    program = max(used_memory() - held, 0)
    if request.memory is not None:
        return program, max(round(request.memory * GIB) - program, 0)
    return program, free_memory() + held


def _speed(
    request: WorkRequest, subject: _Subject, costs: Costs, dtype: torch.dtype, *, generates: bool
) -> tuple[Speed, float | None]:
    """Speed, and the operations a second that the device does at most where it was asked."""
    from cistron.inference.planning.speed import BANDWIDTH, assumed_speed, machine_speed, measured_speed

    if subject.model is not None:
        return measured_speed(subject.model, generates=generates), None
    if subject.device == "cuda":
        from cistron.training.planning import device_named

        device = device_named(request.gpu or "H100")
        return assumed_speed(costs, device.peak, BANDWIDTH[device.name]), device.peak
    flops, bandwidth = machine_speed(dtype)
    return assumed_speed(costs, flops, bandwidth), flops


def _facts(request: WorkRequest, subject: _Subject, plan: WorkPlan) -> dict[str, Any]:
    """The plan as plain values; bytes, seconds and tokens."""
    from cistron.inference.planning import HEADROOM
    from cistron.inference.planning.speed import ASSUMED_SHARE

    return {
        "verb": request.verb,
        "model": subject.name,
        "device": request.gpu or subject.device,
        "dtype": request.dtype,
        "cache_dtype": request.cache_dtype,
        "work": asdict(plan.work),
        "costs": asdict(plan.costs),
        "memory": asdict(plan.batch)
        | {"program": plan.program, "peak": plan.batch.peak, "there": plan.memory},
        "headroom": HEADROOM,
        "batch_tokens": plan.batch.tokens,
        "side_by_side": plan.side_by_side,
        "speed": asdict(plan.speed) | {"assumed_share": None if plan.speed.measured else ASSUMED_SHARE},
        "seconds": plan.seconds,
        "floor_seconds": plan.floor,
    }


def _show(request: WorkRequest, subject: _Subject, plan: WorkPlan) -> None:
    from rich.console import Console

    print("\n".join(_headlines(request, subject, plan)))
    print()
    Console().print(_memory_table(plan))
    print()
    for line in _conclusions(plan):
        print(line)


def _headlines(request: WorkRequest, subject: _Subject, plan: WorkPlan) -> Iterator[str]:
    work = plan.work
    yield f"{request.verb} with {subject.name} on {request.gpu or subject.device}"
    made = f", {work.generated:,} tokens to make" if work.generated else ""
    yield f"{work.sequences:,} sequences, {work.tokens:,.0f} tokens to read{made}, longest {work.longest:,}"


def _memory_table(plan: WorkPlan) -> Any:
    batch, costs = plan.batch, plan.costs
    table = plain_table("GiB at the peak", "", "of which")
    if plan.program:
        table.add_row("program", gib(plan.program), "interpreter and libraries")
    table.add_row("weights", gib(batch.weights), "")
    times = f" in each of {plan.side_by_side} batches" if plan.side_by_side > 1 else ""
    table.add_row(
        "state", gib(batch.state), f"{costs.state:,.0f} bytes a token, {batch.kept:,} tokens{times}"
    )
    table.add_row(
        "activations",
        gib(batch.activations),
        f"{costs.working:,.0f} bytes a token, {batch.at_once:,} at once{times}",
    )
    table.add_row("all", gib(batch.peak + plan.program), f"{gib(plan.memory + plan.program)} there are")
    return table


def _conclusions(plan: WorkPlan) -> Iterator[str]:
    from cistron.inference.planning.speed import ASSUMED_SHARE

    yield f"batches of {plan.batch.tokens:,} tokens: --batch-tokens {plan.batch.tokens}"
    if plan.speed.measured:
        yield f"about {duration(plan.seconds)}, from a short measurement here"
    else:
        yield f"about {duration(plan.seconds)} at {ASSUMED_SHARE:.0%} of what the device can do"
    if plan.floor is not None:
        flops = plan.costs.flops(plan.work.tokens, plan.work.pairs)
        yield f"{flops:.2g} operations to read: {duration(plan.floor)} at all it can do"
