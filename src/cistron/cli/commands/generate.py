"""`cistron generate`: continue sequences with a model, under constraints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.generating.prompts import opened_prompts
from cistron.cli.generating.request import GenerateRequest
from cistron.cli.generating.run import run_generate
from cistron.cli.options import BatchTokens, Device, Dtype, ModelName, Resume, Server, Threads
from cistron.errors import InputError


def generate(
    context: typer.Context,
    tokens: Annotated[
        int, typer.Option("--tokens", "-n", min=1, help="Bases to generate behind each prompt.")
    ],
    prompt: Annotated[
        list[str] | None, typer.Option(metavar="ACGT", help="Sequence to continue; repeatable.")
    ] = None,
    prompts: Annotated[
        str | None, typer.Option(metavar="IN.fa", help="FASTA of sequences to continue; - is standard input.")
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHR:START-END", help="Bases of the reference to continue; 1-based; repeatable."
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", metavar="REF.fa", help="Where --region lies; plain or BGZF."),
    ] = None,
    strand: Annotated[
        Literal["+", "-"], typer.Option(help="Direction in which --region is read and continued.")
    ] = "+",
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help=".fa, .fa.gz or .jsonl; - is standard output."),
    ] = "-",
    samples: Annotated[int, typer.Option(min=1, help="Sequences for each prompt.")] = 1,
    temperature: Annotated[
        float, typer.Option(min=0, help="Below 1 likelier bases gain; 0 always takes the likeliest.")
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Draw from so many of the likeliest bases.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Draw from the fewest likeliest bases that reach this probability."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same sequences.")] = 0,
    alphabet: Annotated[
        Literal["dna", "any"], typer.Option(help="A, C, G and T alone, or every letter the model knows.")
    ] = "dna",
    avoid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="On neither strand: a motif in IUPAC letters, an enzyme, 9xC or 3x2mer; repeatable.",
        ),
    ] = None,
    gc: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH[/BP]", help="GC content of the whole sequence, or of every window of BP bases."
        ),
    ] = None,
    max_homopolymer: Annotated[int | None, typer.Option(min=1, help="Longest run of one base.")] = None,
    attempts: Annotated[
        int, typer.Option(min=1, help="How often a sequence may be begun to keep the constraints.")
    ] = 20,
    screen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COMMAND",
            help="Command that judges a sequence in the file {fasta}; exit status 0 passes; repeatable.",
        ),
    ] = None,
    require_screening: Annotated[
        bool, typer.Option("--require-screening", help="Refuse to generate what nobody screens.")
    ] = False,
    without_prompt: Annotated[
        bool,
        typer.Option("--without-prompt", help="Write, and hold constraints for, the new bases alone."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="JSON Lines with the probability of each base.")
    ] = False,
    model: ModelName = "default",
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = 16_384,
    threads: Threads = None,
    resume: Resume = False,
    server: Server = None,
) -> None:
    """Continue sequences: one base after another, drawn from what the model expects.

    Constraints hold for the prompt and its continuation as one sequence. They are kept, in DNA Chisel's
    judgement, or the sequence is refused and the reason told. What no screen has seen is marked screened=no.

    Example: cistron generate --prompt ACGTTGCA -n 200 --samples 5 --avoid EcoRI --gc 0.4-0.6/50 -o out.fa
    """
    if server is not None:
        from cistron.cli.serving.remote import run_on_server

        if prompts is None:
            raise InputError("--server continues the sequences of a file; name it with --prompts IN.fa")
        given: dict[str, object] = {"tokens": tokens, "samples": samples, "temperature": temperature}
        given |= {"top_k": top_k, "top_p": top_p, "seed": seed}
        run_on_server(
            context, server, "generate", prompts, output, model=model, given=given, named=("prompts",)
        )
        return
    texts, regions = tuple(prompt or ()), tuple(region or ())
    request = GenerateRequest(
        tokens=tokens,
        output=output,
        inputs=tuple(str(source) for source in (prompts, reference) if source is not None),
        samples=samples,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        alphabet=alphabet,
        avoid=tuple(avoid or ()),
        gc=gc,
        max_homopolymer=max_homopolymer,
        attempts=attempts,
        screens=tuple(screen or ()),
        require_screening=require_screening,
        with_prompt=not without_prompt,
        as_json=json,
        model=model,
        device=device,
        dtype=dtype,
        batch_tokens=batch_tokens,
        threads=threads,
        resume=resume,
    )
    with opened_prompts(texts, prompts, regions, reference, strand) as source:
        run_generate(request, source)


COMMAND = generate
