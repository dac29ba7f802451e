"""`cistron merge`: a head's adapters become part of its model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.predicting import opened_head
from cistron.cli.progress import note


def merge(
    head: Annotated[
        Path, typer.Argument(metavar="HEAD", help="Head folder, from `cistron finetune --set mode=lora`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Head folder to write, with its model.")
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The model that the head was trained on, where it has moved."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FOLDER.")] = False,
) -> None:
    """Add a head's low-rank adapters to the weights of its model, and write both.

    FOLDER is a head folder that `cistron predict` takes, and FOLDER/model a model folder that every command
    takes. Answers stay the same up to rounding.

    Example: cistron merge runs/promoters/head -o heads/promoters
    """
    from cistron.weights.folder import check_target
    from cistron.weights.heads import merge_adapters

    check_target(output, overwrite)
    saved, loaded = opened_head(head, model, "cpu", None)
    merge_adapters(saved, loaded.built, output)
    note(f"wrote {output}, and the model in {output / 'model'}")


COMMAND = merge
