"""`cistron finetune`: train a head on labelled sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.progress import note, progress_of
from cistron.errors import InputError
from cistron.training import RECIPES, Run, Stopped
from cistron.training.finetune import HeadTraining, read_task
from cistron.training.settings import apply_settings, to_json


def finetune(
    task: Annotated[
        Path,
        typer.Argument(metavar="TASK.toml|RECIPE", help="Describes data, model, head and mode; or its name."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the run.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting, such as mode=lora; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on behind the last whole pass.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print all settings as JSON and stop.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all cores.")] = None,
) -> None:
    """Train a head on labelled sequences, with the model frozen, adapted (LoRA) or trained along.

    FOLDER/head is then what `cistron predict` takes, FOLDER/metrics.json says how good it is on the test
    part. What the training part gives away of the others is looked for first.

    Example: cistron finetune promoters.toml -o runs/promoters --set mode=lora
    """
    run = _changed(task, settings or ())
    if show:
        print(to_json(run), end="")
        return
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    try:
        with progress_of(f"Training {task.stem}", shown=True) as progress:
            run.execute(output, resume=resume, progress=progress)
    except Stopped as stopped:
        note(str(stopped))
        raise SystemExit(128 + stopped.signal) from None
    note(f"wrote {output / 'head'}")


def _changed(task: Path, settings: Sequence[str]) -> Run:
    """The run that a file describes or a recipe is, with settings changed."""
    run = read_task(task) if task.suffix == ".toml" or task.exists() else RECIPES.get(str(task))()
    if not isinstance(run, HeadTraining):
        raise InputError(f"'{task}' trains a model and no head; use `cistron train {task}`")
    # What a head can be set to is its own, so its settings get a place by being named.
    names = [name.removeprefix("settings.") for name in settings if name.startswith("settings.")]
    places = dict.fromkeys(name.partition("=")[0] for name in names)
    return apply_settings(replace(run, settings={**places, **run.settings}), settings)


COMMAND = finetune
