"""`cistron plan`: what a run needs, before it starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cistron.cli.options import AsJson, Device, Dtype, ModelName, Strands, Threads, Width
from cistron.cli.progress import progress_of
from cistron.errors import InputError, WindowError
from cistron.training import RECIPES
from cistron.training.settings import apply_settings

if TYPE_CHECKING:
    from cistron.inference.planning.workload import Workload
    from cistron.models import Config
    from cistron.training.pretrain import Pretraining

COMMAND = typer.Typer(help="Plan a run: memory, batches and time, before it starts.", no_args_is_help=True)

GIB = 2**30

Memory = Annotated[
    float | None,
    typer.Option(min=0.01, metavar="GIB", help="Memory there is; default: what is free here."),
]
Gpu = Annotated[
    str | None, typer.Option(metavar="NAME", help="Plan for this GPU, which need not be here; give --memory.")
]
CacheDtype = Annotated[
    Literal["bfloat16"] | None, typer.Option(help="Keep keys and values in it; default: the arithmetic's.")
]
PlanBatch = Annotated[
    int | None, typer.Option("--batch-tokens", min=1, help="Tokens run together; default: what fits.")
]
Sequences = Annotated[int | None, typer.Option(min=1, help="How many, where no file is given.")]
Length = Annotated[int | None, typer.Option(min=1, help="Bases of each, where no file is given.")]


@COMMAND.command()
def score(
    variants: Annotated[str | None, typer.Argument(metavar="[IN.vcf]", help="VCF or BCF.")] = None,
    alleles: Annotated[
        int | None, typer.Option(min=1, help="How many alternative alleles, where no file is given.")
    ] = None,
    model: ModelName = "default",
    width: Width = None,
    strands: Strands = "both",
    device: Device = "auto",
    dtype: Dtype = "auto",
    cache_dtype: CacheDtype = None,
    batch_tokens: PlanBatch = None,
    memory: Memory = None,
    gpu: Gpu = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print what `cistron score` takes: memory, batches and time.

    Time is that of isolated single-base variants; neighbours that share a window, and alleles without a
    score, take less.

    Example: cistron plan score in.vcf.gz
    """
    from cistron.cli.planning.work import WorkRequest, plan_work
    from cistron.inference.planning.workload import scoring

    if (variants is None) == (alleles is None):
        raise InputError("say what is to be scored: a file IN.vcf or --alleles NUMBER, and not both")
    count = alleles if variants is None else _alleles(variants)
    assert count is not None

    def work(config: Config) -> Workload:
        return scoring(count, _within(config, width or config.width), 2 if strands == "both" else 1)

    plan_work(
        WorkRequest("score", model, device, dtype, cache_dtype, batch_tokens, memory, gpu, threads, as_json),
        work,
    )


@COMMAND.command()
def embed(
    sequences_file: Annotated[
        Path | None, typer.Argument(metavar="[IN.fa]", help="FASTA, plain or .gz.")
    ] = None,
    sequences: Sequences = None,
    length: Length = None,
    window: Annotated[
        int | None, typer.Option(min=1, help="Most bases read at once; default: the model's context.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="From one window to the next; default: the window.")
    ] = None,
    model: ModelName = "default",
    strands: Strands = "forward",
    device: Device = "auto",
    dtype: Dtype = "auto",
    cache_dtype: CacheDtype = None,
    batch_tokens: PlanBatch = None,
    memory: Memory = None,
    gpu: Gpu = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print what `cistron embed` takes: memory, batches and time.

    `cistron likelihood` reads the same way and takes the same.

    Example: cistron plan embed --length 1048576 -m genos/genos-1.2b --gpu H200 --memory 140
    """
    from cistron.cli.planning.work import WorkRequest, plan_work
    from cistron.inference.planning.workload import reading, windows_of

    lengths = _lengths(sequences_file, sequences, length)

    def work(config: Config) -> Workload:
        most = _within(config, window or config.context_length)
        cut = (size for each in lengths for size in windows_of(each, most, stride))
        return reading(cut, 2 if strands == "both" else 1)

    plan_work(
        WorkRequest("embed", model, device, dtype, cache_dtype, batch_tokens, memory, gpu, threads, as_json),
        work,
    )


@COMMAND.command()
def scan(
    sequences_file: Annotated[
        Path | None, typer.Argument(metavar="[IN.fa]", help="FASTA, plain or .gz.")
    ] = None,
    sequences: Sequences = None,
    length: Length = None,
    model: ModelName = "default",
    width: Width = None,
    strands: Strands = "both",
    device: Device = "auto",
    dtype: Dtype = "auto",
    cache_dtype: CacheDtype = None,
    batch_tokens: PlanBatch = None,
    memory: Memory = None,
    gpu: Gpu = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print what `cistron scan` takes: memory, batches and time.

    Example: cistron plan scan --length 64000000
    """
    from cistron.cli.planning.work import WorkRequest, plan_work
    from cistron.inference.planning.workload import scanning

    lengths = _lengths(sequences_file, sequences, length)

    def work(config: Config) -> Workload:
        return scanning(lengths, _within(config, width or config.width), 2 if strands == "both" else 1)

    plan_work(
        WorkRequest("scan", model, device, dtype, cache_dtype, batch_tokens, memory, gpu, threads, as_json),
        work,
    )


@COMMAND.command()
def generate(
    tokens: Annotated[int, typer.Option("--tokens", "-n", min=1, help="Bases to make for each sample.")],
    prompts_file: Annotated[
        Path | None, typer.Argument(metavar="[PROMPTS.fa]", help="FASTA, plain or .gz.")
    ] = None,
    prompts: Annotated[int | None, typer.Option(min=1, help="How many, where no file is given.")] = None,
    length: Length = None,
    samples: Annotated[int, typer.Option(min=1, help="Of each prompt.")] = 1,
    model: ModelName = "default",
    device: Device = "auto",
    dtype: Dtype = "auto",
    cache_dtype: CacheDtype = None,
    batch_tokens: PlanBatch = None,
    memory: Memory = None,
    gpu: Gpu = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print what `cistron generate` takes: memory, batches and time.

    Example: cistron plan generate --prompts 10 --length 1000 --tokens 500
    """
    from cistron.cli.planning.work import WorkRequest, plan_work
    from cistron.inference.planning.workload import generating

    lengths = _lengths(prompts_file, prompts, length)

    def work(config: Config) -> Workload:
        _within(config, max(lengths, default=0) + tokens)
        return generating(lengths, tokens, samples)

    plan_work(
        WorkRequest(
            "generate", model, device, dtype, cache_dtype, batch_tokens, memory, gpu, threads, as_json
        ),
        work,
    )


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
    as_json: AsJson = False,
) -> None:
    """Print what training a recipe takes on so many GPUs, and the layout to train it in.

    Layout, micro-batch and activation checkpointing of the recipe are replaced by the fastest that fit.
    Memory is rehearsed with the run's own code, with experts used evenly; times assume that arithmetic runs
    at 40 % of the GPU's peak.

    Example: cistron plan train genos-10b --gpus 64 --gpu-memory 80
    """
    from cistron.cli.planning.training import show_training, training_facts
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
        print(json.dumps(training_facts(recipe, plan), indent=2))
    else:
        show_training(recipe, plan)


def _only(run: Pretraining, stage: int) -> Pretraining:
    """The run without its other stages."""
    if stage >= len(run.stages):
        raise InputError(f"there is no stage {stage}; the run has stages 0 to {len(run.stages) - 1}")
    lr = run.optim.lr
    optim = replace(run.optim, lr=lr[stage : stage + 1]) if isinstance(lr, tuple) else run.optim
    return replace(run, stages=(run.stages[stage],), optim=optim)


def _within(config: Config, tokens: int) -> int:
    """The number itself, if a model of this config reads so many tokens at a time."""
    if tokens > config.context_length:
        raise WindowError(
            f"{tokens:,} bases at a time exceed the model's context; the most is {config.context_length:,}"
        )
    return tokens


def _alleles(variants: str) -> int:
    """Alternative alleles of a file."""
    from cistron.formats.vcf import VcfReader

    with VcfReader(variants) as reader:
        return max(sum(len(record.variants) for record in reader), 1)


def _lengths(path: Path | None, number: int | None, length: int | None) -> list[int]:
    """Bases of every sequence of a file, or of so many equally long ones."""
    if (path is None) == (length is None) or (path is not None and number is not None):
        raise InputError("say what is to be read: a FASTA file, or --length BASES and how many")
    if path is None:
        assert length is not None
        return [length] * (number or 1)
    from cistron.formats.fasta_stream import stream_records

    return [sum(map(len, pieces)) for _, pieces in stream_records(path, unique=False)]
