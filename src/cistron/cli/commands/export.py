"""`cistron export`: a checkpoint of a run as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.progress import note


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run of `cistron train`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The model folder to write.")
    ],
    checkpoint: Annotated[
        str, typer.Option(metavar="WHICH", help="newest, best (by validation loss) or a number of steps.")
    ] = "newest",
    dtype: Annotated[
        Literal["bfloat16", "float32", "same"], typer.Option(help="Arithmetic to store.")
    ] = "bfloat16",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FOLDER.")] = False,
) -> None:
    """Write a checkpoint of a run, even one that still trains, as a model folder.

    Example: cistron export runs/mine -o models/mine --checkpoint best
    """
    import torch

    from cistron.training.export import export_run

    wanted = None if dtype == "same" else getattr(torch, dtype)
    step = export_run(run, output, which=checkpoint, dtype=wanted, overwrite=overwrite)
    note(f"wrote {output}, the model after {step:,} steps")


COMMAND = export
