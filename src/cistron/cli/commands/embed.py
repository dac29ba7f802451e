"""`cistron embed`: sequences, intervals or variants in, vectors out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.embedding.request import EmbedRequest
from cistron.cli.embedding.run import run_embed
from cistron.cli.embedding.work import ALLELES, Allele
from cistron.cli.options import BatchTokens, Device, Dtype, ModelName, Resume, Server, Threads


def embed(
    context: typer.Context,
    sequences: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="FASTA, BED, VCF or BCF, plain or .gz; a .tsv or .parquet with a column of sequences; "
            "- is FASTA or VCF on standard input.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help=".parquet, .npy, .h5ad or .zarr.")
    ],
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", metavar="REF.fa", help="Genome of a BED or VCF; plain or BGZF."),
    ] = None,
    model: ModelName = "default",
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            help="Name or index of a layer, 0 the embedding; repeatable. Default: behind the final norm.",
        ),
    ] = None,
    pooling: Annotated[
        Literal["mean", "max", "last", "none"], typer.Option(help="none: a vector for every position.")
    ] = "mean",
    strands: Annotated[
        Literal["forward", "both"] | None,
        typer.Option(help="As given, or the mean with the reverse complement; default: both for variants."),
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=1, help="Cut sequences into windows of so many bp, named by interval.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Step from window to window in bp; default: no overlap.")
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="START-END", help="Pool only this part of each sequence, 1-based."),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=8,
            help="Variants: window in bp. BED: read so much around each interval, pool the interval alone.",
        ),
    ] = None,
    around: Annotated[
        int | None, typer.Option(min=1, help="Variants: pool the allele and so many bases on either side.")
    ] = None,
    allele: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[difference|ref|alt]", help="Variants: what to write; repeatable; default: all three."
        ),
    ] = None,
    check_ref: Annotated[
        Literal["error", "warn"],
        typer.Option(help="Variants: a REF that differs from the FASTA stops the run, or has no vectors."),
    ] = "error",
    column: Annotated[
        str | None, typer.Option(help="Tables: the column of sequences; default: sequence.")
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = 16_384,
    threads: Threads = None,
    resume: Resume = False,
    server: Server = None,
) -> None:
    """Embed sequences: what a model sees in each, as vectors for a classifier of your own.

    Records keep their order and what identifies them, and the output says how the vectors were made. Vectors
    are float32 and do not depend on what else is in the file.

    Example: cistron embed regions.bed -r genome.fa -o regions.parquet --strands both
    """
    if server is not None:
        from cistron.cli.serving.remote import run_on_server

        given = {"pooling": pooling, "strands": strands}
        run_on_server(context, server, "embed", sequences, output, model=model, given=given)
        return
    run_embed(
        EmbedRequest(
            input=sequences,
            output=output,
            reference=reference,
            model=model,
            layers=tuple(map(_layer, layer or ())),
            pooling=pooling,
            strands=strands,
            window=window,
            stride=stride,
            interval=interval,
            width=width,
            around=around,
            alleles=tuple(map(_allele, dict.fromkeys(allele or ()))),
            check_ref=check_ref,
            column=column,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            threads=threads,
            resume=resume,
        )
    )


def _layer(text: str) -> str | int:
    """An index where it is a number, else a name."""
    return int(text) if text.removeprefix("-").isdecimal() else text


def _allele(text: str) -> Allele:
    """One of the three."""
    for allele in ALLELES:
        if text == allele:
            return allele
    raise typer.BadParameter(f"{text!r} is not one of {', '.join(ALLELES)}", param_hint="'--allele'")


COMMAND = embed
