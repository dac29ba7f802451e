"""`cistron fusion`: a language model that reads DNA; trained, judged, asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.options import Device, Reference, Resume, Threads

COMMAND = typer.Typer(
    help="Answer questions about alleles with a DNA model and a language model. Research use, no diagnosis.",
    no_args_is_help=True,
)

Language = Annotated[
    str | None,
    typer.Option("--language", "-l", help="Language model: folder, hub id, or GGUF file."),
]
Dna = Annotated[str | None, typer.Option("--model", "-m", help="The DNA model, where it has moved.")]
MaxNewTokens = Annotated[int, typer.Option(min=1, help="Most tokens of a free answer.")]
Temperature = Annotated[float, typer.Option(min=0, help="Of free answers; 0 takes the likeliest token.")]


@COMMAND.command()
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="[RECIPE]", help="Name of a run; `list` shows all of them.")
    ] = "small",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the run.")
    ] = None,
    records: Annotated[
        list[Path] | None,
        typer.Option("--records", metavar="FILE", help="Records to learn from; repeat for several."),
    ] = None,
    test: Annotated[
        list[Path] | None,
        typer.Option("--test", metavar="FILE", help="Records to judge by; default: a part of --records."),
    ] = None,
    language: Language = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting, such as mode=text; repeatable."),
    ] = None,
    rivals: Annotated[
        bool,
        typer.Option("--rivals", help="Also train text alone (with and without the gene) and DNA alone."),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on behind the newest checkpoint.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print all settings as JSON and stop.")] = False,
    threads: Threads = None,
) -> None:
    """Train a fused model: the DNA model frozen, a projector, adapters on a language model.

    FOLDER/model is then what `cistron fusion predict` takes. Ctrl-C finishes the step and saves it.

    Example: cistron fusion train -o runs/kegg --records val.json.gz --test test.json.gz
    --language smollm2.gguf --rivals
    """
    from cistron.cli.fusing.training import TrainRequest, run_training

    run_training(
        TrainRequest(
            recipe=recipe,
            output=output,
            records=tuple(records or ()),
            test=tuple(test or ()),
            language=language,
            settings=tuple(settings or ()),
            rivals=rivals,
            resume=resume,
            show=show,
            threads=threads,
        )
    )


@COMMAND.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that training left.")],
    records: Annotated[Path, typer.Argument(metavar="RECORDS", help="JSON Lines or Parquet.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.csv", help="Answers.")],
    generate: Annotated[
        bool, typer.Option("--generate", help="Answer freely instead of ranking the known answers.")
    ] = False,
    max_new_tokens: MaxNewTokens = 800,
    temperature: Temperature = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of sampling.")] = 0,
    language: Language = None,
    dna: Dna = None,
    device: Device = "auto",
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Answer every record: ground_truth, pred_label, probability and generated_text.

    Example: cistron fusion predict runs/kegg/model new.jsonl -o answers.csv
    """
    from cistron.cli.fusing.predicting import PredictRequest, run_predict

    run_predict(
        PredictRequest(
            model=model,
            records=records,
            output=output,
            generate=generate,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            language=language,
            dna=dna,
            device=device,
            threads=threads,
            resume=resume,
        )
    )


@COMMAND.command()
def ask(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Folder that training left; with --server its name there.")
    ],
    question: Annotated[str, typer.Option("--question", "-q", help="What to ask.")],
    reference: Annotated[str, typer.Option(help="Reference sequence: bases, or a FASTA file.")],
    variant: Annotated[str, typer.Option(help="Variant sequence: bases, or a FASTA file.")],
    top: Annotated[int, typer.Option(min=1, help="Likeliest known answers to list.")] = 5,
    generate: Annotated[bool, typer.Option("--generate", help="Also answer freely.")] = False,
    max_new_tokens: MaxNewTokens = 800,
    temperature: Temperature = 0.0,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="OUT.png", help="Write which bases moved the answer: figure, .tsv or .json."),
    ] = None,
    method: Annotated[
        Literal["gradient", "occlusion"],
        typer.Option(help="Of the evidence: a few passes, or one for every window of bases that is hidden."),
    ] = "gradient",
    windows: Annotated[int, typer.Option(min=1, help="Of occlusion, for each sequence.")] = 16,
    language: Language = None,
    dna: Dna = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask a service, with the key in CISTRON_KEY.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Ask one question about one allele.

    Example: cistron fusion ask runs/kegg/model -q "What disease does this PRNP allele contribute to?"
    --reference ref.fa --variant alt.fa --evidence bases.png
    """
    from cistron.cli.fusing.asking import AskRequest, run_ask

    run_ask(
        AskRequest(
            model=model,
            question=question,
            reference=reference,
            variant=variant,
            top=top,
            generate=generate,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            evidence=evidence,
            method=method,
            windows=windows,
            language=language,
            dna=dna,
            server=server,
            device=device,
            threads=threads,
        )
    )


@COMMAND.command()
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a run, from `fusion train`.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")],
    records: Annotated[
        list[Path] | None,
        typer.Option("--records", metavar="FILE", help="Judge on these instead of the run's test part."),
    ] = None,
    free: Annotated[int, typer.Option(min=0, help="Records that are also answered freely.")] = 0,
    max_new_tokens: MaxNewTokens = 800,
    compat: Annotated[
        bool, typer.Option("--compat", help="Also count as published: the answer anywhere in the text.")
    ] = False,
    language: Language = None,
    dna: Dna = None,
    device: Device = "auto",
    threads: Threads = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep rows that are there.")] = False,
) -> None:
    """Judge a run beside its rivals, controls (DNA shuffled, zeroed) and answers without a model.

    DIR/results.json holds measures with intervals and what the DNA adds; each row's answers are a CSV file.

    Example: cistron fusion evaluate runs/kegg -o results/kegg
    """
    from cistron.cli.fusing.evaluating import EvaluateRequest, run_evaluate

    run_evaluate(
        EvaluateRequest(
            run=run,
            output=output,
            records=tuple(records or ()),
            free=free,
            max_new_tokens=max_new_tokens,
            compat=compat,
            language=language,
            dna=dna,
            device=device,
            threads=threads,
            resume=resume,
        )
    )


@COMMAND.command()
def convert(
    vcf: Annotated[Path, typer.Argument(metavar="IN.vcf", help="VCF or BCF.")],
    reference: Reference,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.jsonl", help="Records; .gz is compressed.")
    ],
    genes: Annotated[
        Path | None, typer.Option("--genes", help="GFF3, GTF, BED, or folder with genes.parquet.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="FIELD", help="INFO field with the answer.")
    ] = None,
    width: Annotated[int, typer.Option(min=16, help="Bases of a sequence.")] = 4000,
    question: Annotated[
        str | None,
        typer.Option(help="Template with {chrom}, {pos}, {ref}, {alt}, {gene}; default: as KEGG asks."),
    ] = None,
) -> None:
    """Make records of one's own variants, one for each allele.

    Alleles that do not fit the genome, or lack the label, are left out and counted.

    Example: cistron fusion convert in.vcf -r genome.fa --genes genes.gff3 --label DISEASE -o records.jsonl
    """
    from cistron.cli.fusing.converting import run_convert

    run_convert(vcf, reference, output, genes=genes, label=label, width=width, question=question)


@COMMAND.command()
def plan(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Name of a run; `list` shows all.")],
    dna: Annotated[
        str, typer.Option("--model", "-m", help="Size of a DNA model: genos-10b, evo2-1b-base …")
    ] = "genos-1.2b",
    memory: Annotated[float, typer.Option(min=0.1, help="GiB of one device.")] = 80.0,
    devices: Annotated[int, typer.Option(min=1, help="Devices that share weights (FSDP).")] = 1,
) -> None:
    """Say what memory a published run takes; builds both models without their weights.

    Example: cistron fusion plan qwen3-4b -m genos-10b
    """
    from cistron.cli.fusing.planning import run_plan

    run_plan(recipe, dna, memory, devices)
