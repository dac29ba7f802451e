"""`cistron train`: run a training recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.progress import note, progress_of
from cistron.errors import InputError
from cistron.training import RECIPES
from cistron.training.settings import apply_settings, to_json


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
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the newest checkpoint.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved run as JSON and stop.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all cores.")] = None,
) -> None:
    """Train a model; FOLDER/model is then a model folder that every command takes.

    Example: cistron train markov -o runs/markov --set order=6 --set fasta=genome.fa
    """
    if recipe == "list":
        print("\n".join(RECIPES.names()))
        return
    run = apply_settings(RECIPES.get(recipe)(), settings or ())
    if show:
        print(to_json(run), end="")
        return
    if output is None:
        raise InputError("give the run a folder with --output FOLDER, or --show to see its settings")
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    with progress_of(f"Training {recipe}") as progress:
        run.execute(output, resume=resume, progress=progress)
    note(f"wrote {output / 'model'}")


COMMAND = train
