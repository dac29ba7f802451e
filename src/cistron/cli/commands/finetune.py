"""`cistron finetune`: train a head on labelled sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.progress import note, progress_of
from cistron.training import Stopped
from cistron.training.finetune import read_task
from cistron.training.settings import apply_settings, to_json


def finetune(
    task: Annotated[Path, typer.Argument(metavar="TASK.toml", help="Describes data, model, head and mode.")],
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
    run = apply_settings(read_task(task), settings or ())
    if show:
        print(to_json(run), end="")
        return
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    try:
        with progress_of(f"Training {run.name}", shown=True) as progress:
            run.execute(output, resume=resume, progress=progress)
    except Stopped as stopped:
        note(str(stopped))
        raise SystemExit(128 + stopped.signal) from None
    note(f"wrote {output / 'head'}")


COMMAND = finetune
