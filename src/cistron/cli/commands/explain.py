"""`cistron explain`: which experts of a model fire on which bases?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.base_classes import named_files
from cistron.cli.explaining.run import ExplainRequest, run_explain
from cistron.cli.options import (
    AsJson,
    BatchTokens,
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


def explain(
    target: RegionOrGene,
    reference: Reference,
    output: TableOutput,
    genes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Exons, introns and intergenic bases: GFF3, GTF, or a folder of GENCODE Parquet tables.",
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME=FILE",
            help="A further class of bases, such as repeats: BED or Parquet (0-based); repeatable.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Router logits closer than this count as a near-tie.")
    ] = 1e-4,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    model: ModelName = "default",
    width: Width = None,
    strands: Strands = "both",
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = 16_384,
    threads: Threads = None,
    report: ReportPath = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Count which experts a region's bases are sent to, by exon, intron, repeat and base.

    Writes a table with a row for each layer, expert and class: the part of the class's choices that falls on
    the expert, the part expected of bases of that composition, and log2 of the ratio with a 95 % interval.
    Near-ties, choices that rounding might turn, are counted beside it. For models with mixtures of experts.

    Example: cistron explain chr20:30,000,000-31,000,000 -r genome.fa --genes genes.gff3 -o out.tsv
    """
    run_explain(
        ExplainRequest(
            target=target,
            reference=reference,
            output=output,
            genes=genes,
            classes=named_files(classes or ()),
            tolerance=tolerance,
            seed=seed,
            model=model,
            width=width,
            strands=strands,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            threads=threads,
            report=report,
            resume=resume,
            as_json=as_json,
        )
    )


COMMAND = explain
