"""`cistron mutate`: what would every substitution of a region do?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.base_classes import named_files
from cistron.cli.mutating.run import MutateRequest, run_mutate
from cistron.cli.options import (
    AsJson,
    Device,
    Dtype,
    ModelName,
    Reference,
    RegionOrGene,
    ReportPath,
    Resume,
    Strands,
    TableOutput,
    Threads,
    Width,
)
from cistron.cli.scoring.request import parsed_suffix
from cistron.errors import InputError


def mutate(
    target: RegionOrGene,
    reference: Reference,
    output: TableOutput,
    genes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Genes to look up and draw: GFF3, GTF, BED, or a folder of GENCODE Parquet tables.",
        ),
    ] = None,
    part: Annotated[
        Literal["all", "exons", "cds"], typer.Option(help="Of a gene: from end to end, or only this.")
    ] = "all",
    method: Annotated[
        Literal["ism", "gradient", "integrated-gradients"],
        typer.Option(help="Make every substitution, or estimate them from gradients: faster, not exact."),
    ] = "ism",
    deletions: Annotated[bool, typer.Option("--deletions", help="Also delete each base.")] = False,
    window_slack: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="BP",
            help="How far from the middle of its window a change may lie; 0 centres each, default width / 4.",
        ),
    ] = None,
    model: ModelName = "default",
    width: Width = None,
    strands: Strands = "both",
    device: Device = "auto",
    dtype: Dtype = "auto",
    suffix: Annotated[
        str,
        typer.Option(
            metavar="exact|auto|N",
            help="Bases that ism reads behind a change: all, until the rest hardly matters, or N.",
        ),
    ] = "exact",
    batch_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens run together; default: what suits the device.")
    ] = None,
    threads: Threads = None,
    report: ReportPath = None,
    png: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Also draw logo and heat map as a picture.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Also report which experts fire here and nearby; needs --report."),
    ] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME=FILE",
            help="With --explain: a class of bases, BED or Parquet (0-based); repeatable.",
        ),
    ] = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Score every substitution of a region or gene: saturation mutagenesis in silico.

    Writes a table with chrom, pos, ref, alt, llr and flank, one row for each of the three substitutions of
    every base. The llr is that of `cistron score`, in nats: negative means less plausible than the reference.
    For research use only.

    Example: cistron mutate chr20:4,680,000-4,680,100 -r genome.fa -o out.tsv --report out.html
    """
    if (explain or classes) and report is None:
        raise InputError("--explain and --class add to the report; name it with --report OUT.html")
    run_mutate(
        MutateRequest(
            target=target,
            reference=reference,
            output=output,
            genes=genes,
            part=part,
            method=method,
            deletions=deletions,
            window_slack=window_slack,
            suffix=parsed_suffix(suffix),
            model=model,
            width=width,
            strands=strands,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            threads=threads,
            report=report,
            png=png,
            explain=explain,
            classes=named_files(classes or ()),
            resume=resume,
            as_json=as_json,
        )
    )


COMMAND = mutate
