"""`cistron calibrate`: how a model scores random changes, so that a score can be given a percentile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.options import (
    BatchTokens,
    Device,
    Dtype,
    ModelName,
    Reference,
    Resume,
    Strands,
    Threads,
    Width,
)
from cistron.cli.scoring.calibration import CalibrationRequest, run_calibration


def calibrate(
    reference: Reference,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT.json", help="calibration.json in a model's folder."),
    ],
    model: ModelName = "default",
    regions: Annotated[
        list[str] | None,
        typer.Option(metavar="CHR:START-END", help="Where places are drawn; 1-based; repeatable."),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="Random changes of each kind: 96 substitutions, 22 indels.")
    ] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the random places.")] = 1,
    width: Width = None,
    strands: Strands = "both",
    indel: Annotated[
        Literal["neutral", "equal-tokens"], typer.Option(help="How windows of indels are cut.")
    ] = "neutral",
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = 16_384,
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Score random changes of every kind, for the percentiles of `cistron score`.

    Done once per model. The table holds for this model, width, strands and indel rule. `cistron score` uses
    it when it lies in the model's folder under the name calibration.json, or is given as --calibration.

    Example: cistron calibrate -r genome.fa -m my-model -o my-model/calibration.json
    """
    run_calibration(
        CalibrationRequest(
            reference=reference,
            output=output,
            model=model,
            regions=tuple(regions or ()),
            rounds=rounds,
            seed=seed,
            width=width,
            strands=strands,
            indel=indel,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            threads=threads,
            resume=resume,
        )
    )


COMMAND = calibrate
