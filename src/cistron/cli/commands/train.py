"""`cistron train`: run a training recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.progress import note, progress_of
from cistron.errors import InputError
from cistron.training import RECIPES, Stopped
from cistron.training.settings import apply_settings, resumed, to_json


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe; `cistron train list` shows them.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the run.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change a setting, such as optim.lr=3e-4; repeatable."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue from the newest checkpoint, with the settings saved there."),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved run as JSON and stop.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all cores.")] = None,
) -> None:
    """Train a model; FOLDER/model is then a model folder that every command takes.

    Ctrl-C and SIGTERM finish the step, save it and exit with 130 and 143; --resume goes on from there.
    Several processes: torchrun --nproc-per-node N -m cistron train …

    Example: cistron train markov -o runs/markov --set order=6 --set fasta=genome.fa
    """
    if recipe == "list":
        print("\n".join(RECIPES.names()))
        return
    run = RECIPES.get(recipe)()
    if resume and output is not None:
        run = resumed(run, output / "run.json")
    run = apply_settings(run, settings or ())
    if show:
        print(to_json(run), end="")
        return
    if output is None:
        raise InputError("give the run a folder with --output FOLDER, or --show to see its settings")
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    is_main = os.environ.get("RANK", "0") == "0"
    try:
        with progress_of(f"Training {recipe}", shown=is_main) as progress:
            run.execute(output, resume=resume, progress=progress)
    except Stopped as stopped:
        if is_main:
            note(str(stopped))
        raise SystemExit(128 + stopped.signal) from None
    if is_main:
        note(f"finished; results are in {output}")


COMMAND = train
