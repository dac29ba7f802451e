"""`cistron predict`: a trained head's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.options import Device, Resume, Threads
from cistron.cli.predicting import PredictRequest, run_predict


def predict(
    head: Annotated[Path, typer.Argument(metavar="HEAD", help="Head folder, from `cistron finetune`.")],
    items: Annotated[Path, typer.Argument(metavar="IN", help="TSV, CSV, Parquet, FASTA, BED or VCF.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="TSV or Parquet.")],
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", help="FASTA of the genome; for BED and VCF.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The model that the head was trained on, where it has moved."),
    ] = None,
    sequence: Annotated[str, typer.Option("--column", help="Column of bases in a table.")] = "sequence",
    width: Annotated[int | None, typer.Option(min=1, help="Bases around BED intervals or alleles.")] = None,
    device: Device = "auto",
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Answer with a trained head: probabilities of classes, or values, for every item in order.

    Example: cistron predict runs/promoters/head new.fa -o answers.tsv
    """
    run_predict(
        PredictRequest(
            head=head,
            input=items,
            output=output,
            reference=reference,
            model=model,
            sequence=sequence,
            width=width,
            device=device,
            threads=threads,
            resume=resume,
        )
    )


COMMAND = predict
