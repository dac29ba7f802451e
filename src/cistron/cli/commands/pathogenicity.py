"""`cistron pathogenicity`: from a labelled VCF to a calibrated head, and its answers into a VCF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.options import Device, ModelName, Reference, Resume, Threads, Width

COMMAND = typer.Typer(help="Train and use predictors of pathogenicity.", no_args_is_help=True)

Annotation = Annotated[
    Path | None,
    typer.Option("--annotation", metavar="GFF", help="GFF3 or GTF; its consequences are features too."),
]


@COMMAND.command()
def train(
    clinvar: Annotated[
        Path, typer.Argument(metavar="CLINVAR.vcf.gz", help="VCF in ClinVar's layout: INFO/CLNSIG and so on.")
    ],
    reference: Reference,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the run.")],
    model: ModelName = "default",
    annotation: Annotation = None,
    min_stars: Annotated[int, typer.Option(min=0, max=4, help="Fewest stars of a review.")] = 1,
    limit: Annotated[int, typer.Option(min=0, help="Most alleles, thinned at random; 0 takes all.")] = 50_000,
    width: Width = None,
    folds: Annotated[int, typer.Option(min=3, help="Parts of each cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting, such as fitting.lr=3e-4; repeatable."),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Train a calibrated head on benign and pathogenic alleles, and judge it on held-out genes.

    Benign and likely benign stand against pathogenic and likely pathogenic; conflicting and uncertain alleles
    are left out and counted. FOLDER/head is what `predict` takes; FOLDER/report.html and metrics.json say
    what it is worth beside the consequence alone, the llr alone and words of the sequence, with genes and
    with chromosomes held out. For research use.

    Example: cistron pathogenicity train clinvar.vcf.gz -r genome.fa --annotation genes.gff3.gz -o runs/path
    """
    from cistron.cli.pathogenicity.train import run_train
    from cistron.training.pathogenicity import Pathogenicity

    run = Pathogenicity(
        clinvar=str(clinvar),
        reference=str(reference),
        annotation=None if annotation is None else str(annotation),
        model=model,
        min_stars=min_stars,
        limit=limit or None,
        width=width,
        folds=folds,
        seed=seed,
        device=device,
    )
    run_train(run, output, settings or [], threads=threads, resume=resume)


@COMMAND.command()
def predict(
    head: Annotated[Path, typer.Argument(metavar="HEAD", help="Folder of a head, or of the run it is from.")],
    variants: Annotated[str, typer.Argument(metavar="IN.vcf", help="VCF or BCF, plain or .gz.")],
    reference: Reference,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT.vcf.gz", help=".vcf, .vcf.gz or .bcf.")
    ],
    annotation: Annotation = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model that the head reads, where it has moved.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="NAME", help="Fields become CISTRON_NAME_PATH and so on.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace CISTRON_PATH fields of the input.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Write how probably each allele is pathogenic: CISTRON_PATH and CISTRON_PATH_CLASS.

    Every record is kept. Alleles that cannot be read have no probability; CISTRON_PATH_STATUS says why. No
    probability is a diagnosis: for research use.

    Example: cistron pathogenicity predict runs/path in.vcf.gz -r genome.fa -o out.vcf.gz
    """
    from cistron.cli.pathogenicity.predict import PredictRequest, run_predict

    run_predict(
        PredictRequest(
            head=head,
            input=variants,
            reference=reference,
            output=output,
            annotation=annotation,
            model=model,
            tag=tag,
            overwrite=overwrite,
            device=device,
            threads=threads,
            resume=resume,
        )
    )
