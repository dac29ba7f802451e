"""`cistron likelihood`: how plausible is each sequence?"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cistron.cli.options import BatchTokens, Device, Dtype, ModelName, Resume, Threads


def likelihood(
    sequences: Annotated[
        str, typer.Argument(metavar="IN.fa", help="FASTA, plain or .gz, of any length; - is standard input.")
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="OUT", help=".tsv, .tsv.gz or .parquet; - is standard output."
        ),
    ] = "-",
    track: Annotated[
        str | None,
        typer.Option(metavar="OUT.bw", help="Also write the log-probability of every base: .bw or .parquet."),
    ] = None,
    model: ModelName = "default",
    strands: Annotated[
        Literal["forward", "both"], typer.Option(help="As written, or the mean with the other strand.")
    ] = "forward",
    window: Annotated[
        int | None, typer.Option(min=8, help="Most bases read at once; default: the model's context.")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Bases from one window to the next; default: half the window."),
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = 16_384,
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Score whole sequences: log-likelihood, its mean per base, and perplexity.

    Log-likelihood is the sum of log P(base) given the bases before it, in nats; N and the first base are left
    out. A sequence longer than the window is read in overlapping windows: each base is scored once, with at
    least `window - stride` bases before it unless the sequence begins there.

    Example: cistron likelihood genes.fa -o genes.tsv --track genes.bw
    """
    from cistron.cli.likelihoods.run import LikelihoodRequest, run_likelihood

    run_likelihood(
        LikelihoodRequest(
            input=sequences,
            output=output,
            track=track,
            model=model,
            strands=strands,
            window=window,
            stride=stride,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            threads=threads,
            resume=resume,
        )
    )


COMMAND = likelihood
