"""`cistron scan`: what the model expects at every base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.options import BatchTokens, Device, Dtype, ModelName, Resume, Strands, Threads, Width
from cistron.errors import InputError


def scan(
    what: Annotated[
        str,
        typer.Argument(
            metavar="REGION|FASTA",
            help="With -r a region CHR:START-END (1-based) or a BED file; without, a FASTA, - for stdin.",
        ),
    ],
    output: Annotated[
        list[str],
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help=".bw (a file for each track: out.log_p.bw and so on), .parquet, .zarr or .tsv; repeatable.",
        ),
    ],
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", metavar="REF.fa", help="FASTA of the region.")
    ] = None,
    regions: Annotated[
        list[str] | None,
        typer.Option(metavar="CHR:START-END", help="Only this region, or those of a BED file; repeatable."),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRACK",
            help="In bigWig: log_p, log_odds or entropy; repeatable, default all. One alone goes to OUT.bw.",
        ),
    ] = None,
    model: ModelName = "default",
    width: Width = None,
    strands: Strands = "both",
    circular: Annotated[
        list[str] | None, typer.Option(metavar="CONTIG", help="Contig to read across its ends; repeatable.")
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = 16_384,
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Scan a region or a whole FASTA: what does the model expect at every base?

    One pass per strand gives the log-odds of all three substitutions against the reference base at every
    position, in nats: log P(base) - log P(reference base) given the context; negative means less plausible.
    Tracks: log_p (of the reference base), log_odds (mean of the three), entropy. Positions that hold no A, C,
    G or T have no value. Quicker than scoring every variant, but blind to what an allele does to the bases
    behind it. For research use.

    Example: cistron scan chr20:4680000-4690000 -r genome.fa -o prnp.bw -o prnp.parquet
    """
    from cistron.cli.scanning.output import chosen_tracks
    from cistron.cli.scanning.run import ScanRequest, run_scan

    chosen = tuple(regions or ())
    if reference is None and not Path(what).exists() and ":" in what:
        raise InputError(f"{what} is a region; give the genome that it lies in with --reference")
    run_scan(
        ScanRequest(
            genome=what if reference is None else str(reference),
            outputs=tuple(output),
            regions=chosen if reference is None else (what, *chosen),
            tracks=chosen_tracks(track or ()),
            model=model,
            width=width,
            strands=strands,
            circular=tuple(circular or ()),
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            threads=threads,
            resume=resume,
        )
    )


COMMAND = scan
