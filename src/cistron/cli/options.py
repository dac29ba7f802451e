"""Options that several commands share, spelt and explained the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ModelName = Annotated[
    str,
    typer.Option("--model", "-m", help="Shipped name, folder, or hub id owner/name or owner/name@revision."),
]
Reference = Annotated[Path, typer.Option("--reference", "-r", metavar="REF.fa", help="FASTA, plain or BGZF.")]
RegionOrGene = Annotated[
    str,
    typer.Argument(
        metavar="REGION|GENE",
        help="CHR:START-END (1-based, both ends included), or the name of a gene with --genes.",
    ),
]
TableOutput = Annotated[
    str, typer.Option("--output", "-o", metavar="OUT", help="Table: .tsv, .tsv.gz or .parquet.")
]
Width = Annotated[int | None, typer.Option(min=8, help="Window in bp; default: what the model recommends.")]
Strands = Annotated[Literal["both", "forward"], typer.Option(help="Average both strands, or one.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="auto: a GPU if there is one.")]
Dtype = Annotated[Literal["auto", "float32", "bfloat16"], typer.Option(help="auto is float32.")]
BatchTokens = Annotated[int, typer.Option(min=1, help="Most tokens run together.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all cores.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
ReportPath = Annotated[Path | None, typer.Option(metavar="OUT.html", help="Also write an HTML report.")]
Server = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Let a service do it; -r then names one of its genomes."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
