"""`cistron tracks`: predict signal along the genome, such as RNA-seq coverage, base by base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.options import Device, Reference, Resume, Threads

COMMAND = typer.Typer(
    help="Train on signal along the genome, predict it, and tell how good that is.", no_args_is_help=True
)

Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="The model that the head was trained on, where it has moved."),
]

Annotation = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Genes: GFF3, GTF, BED, or a folder of GENCODE Parquet tables."),
]


@COMMAND.command()
def prepare(
    inputs: Annotated[
        list[str], typer.Argument(metavar="TRACKS.toml|[NAME=]BIGWIG...", help="A plan, or bigWig files.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write.")],
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", metavar="REF.fa", help="FASTA, plain or BGZF.")
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option(help="Region or BED to train on; repeatable. Default: all that is not held out."),
    ] = None,
    validation: Annotated[
        list[str] | None, typer.Option(help="Region or BED that decides when to stop; repeatable.")
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option(help="Region or BED to measure on at the end; repeatable.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Window in bp; default: 32,000.")] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Between windows; default: half a window.")
    ] = None,
    plus: Annotated[list[str] | None, typer.Option(help="A track of the plus strand; repeatable.")] = None,
    minus: Annotated[list[str] | None, typer.Option(help="A track of the minus strand; repeatable.")] = None,
    negate: Annotated[
        list[str] | None, typer.Option(help="A track whose file holds negative numbers; repeatable.")
    ] = None,
    blacklist: Annotated[
        list[str] | None, typer.Option(help="BED of regions without trustworthy signal; repeatable.")
    ] = None,
) -> None:
    """Cut bigWig signal and a genome into windows to train on, to stop by and to measure on.

    Files of the same NAME are replicates and are averaged. What a bigWig does not cover has no signal. No
    window of one part shares a base with another part.

    Example: cistron tracks prepare rna=a.bw rna=b.bw -r hg38.fa --validation chr8 --test chr9 -o rna/
    """
    from cistron.cli.tracks.prepare import PrepareRequest, run_prepare

    run_prepare(
        PrepareRequest(
            inputs=tuple(inputs),
            output=output,
            reference=reference,
            train=tuple(train or ()),
            validation=tuple(validation or ()),
            test=tuple(test or ()),
            width=width,
            stride=stride,
            plus=tuple(plus or ()),
            minus=tuple(minus or ()),
            negate=tuple(negate or ()),
            blacklist=tuple(blacklist or ()),
        )
    )


@COMMAND.command()
def train(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder from `cistron tracks prepare`.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the run.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Shipped name, folder, or hub id.")] = "default",
    head: Annotated[
        Literal["coverage-track", "coverage-unet"],
        typer.Option(help="Three convolutions as published, or a U-Net."),
    ] = "coverage-unet",
    mode: Annotated[
        Literal["frozen", "lora", "last", "full"], typer.Option(help="What is trained beside the head.")
    ] = "frozen",
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", help="The FASTA, where it has moved.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting, such as epochs=5; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on behind the last whole pass.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print all settings as JSON and stop.")] = False,
    threads: Threads = None,
) -> None:
    """Train a head that predicts the tracks; RUN/head is then what `cistron tracks predict` takes.

    Example: cistron tracks train rna/ -m default -o runs/rna --set settings.loss=poisson-multinomial
    """
    from cistron.cli.tracks.train import TrainRequest, run_train

    run_train(
        TrainRequest(
            folder=folder,
            output=output,
            model=model,
            head=head,
            mode=mode,
            reference=reference,
            settings=tuple(settings or ()),
            resume=resume,
            show=show,
            threads=threads,
        )
    )


@COMMAND.command()
def predict(
    head: Annotated[Path, typer.Argument(metavar="HEAD", help="Head folder, from `cistron tracks train`.")],
    regions: Annotated[
        list[str], typer.Argument(metavar="REGION...", help="CHROM, CHROM:START-END (1-based) or BED.")
    ],
    reference: Reference,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.bw", help="bigWig to write.")],
    model: Model = None,
    width: Annotated[int | None, typer.Option(min=1, help="Window in bp; default: as in training.")] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Between windows; default: half a window.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Predict the tracks along regions; with several tracks each has its bigWig, OUT.TRACK.bw.

    Windows overlap, and where they do their answers are averaged with weights that fall towards a window's
    ends. Bases that are N get no value.

    Example: cistron tracks predict runs/rna/head chr9 -r hg38.fa -o chr9.bw
    """
    from cistron.cli.tracks.predict import PredictTracksRequest, run_predict_tracks

    run_predict_tracks(
        PredictTracksRequest(
            head=head,
            regions=tuple(regions),
            reference=reference,
            output=output,
            model=model,
            width=width,
            stride=stride,
            device=device,
            threads=threads,
            resume=resume,
        )
    )


@COMMAND.command()
def evaluate(
    truth: Annotated[Path, typer.Option("--truth", metavar="T.bw", help="Measured signal.")],
    prediction: Annotated[
        list[str], typer.Option("--prediction", metavar="[NAME=]P.bw", help="Predicted signal; repeatable.")
    ],
    regions: Annotated[list[str], typer.Option("--regions", help="Region or BED; repeatable.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write.")],
    annotation: Annotation = None,
    train_regions: Annotated[
        list[str] | None, typer.Option(help="Region or BED that baselines are fitted on; repeatable.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", help="FASTA: for baselines by GC and CpG, and to leave out N."),
    ] = None,
    replicate: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]R.bw", help="The same measured again: the ceiling; repeatable."),
    ] = None,
    gene_part: Annotated[Literal["exons", "body"], typer.Option(help="What is summed of a gene.")] = "exons",
    strand: Annotated[
        Literal["both", "+", "-"], typer.Option(help="Genes that count, where tracks are of one strand.")
    ] = "both",
    negate: Annotated[
        bool, typer.Option("--negate", help="The measurement is stored negative, as minus strands often are.")
    ] = False,
    gaps: Annotated[
        Literal["unknown", "zero"],
        typer.Option(help="Bases that a prediction has no value for: refuse them, or let them be zero."),
    ] = "unknown",
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Let regions overlap those of the training.")
    ] = False,
    block: Annotated[
        int | None,
        typer.Option(
            min=128, metavar="BP", help="Bases of a block; default: 131,072, or at most 500 blocks."
        ),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of blocks.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
) -> None:
    """Tell how close predictions are to measured signal, by base, by bin and by gene, beside baselines.

    Writes evaluation.json, tables and report.html. What the measurement does not cover has no signal. The
    baselines need no model: the mean signal of the training regions, of bases with the same GC content or
    as many CpG around them there, and of bases as far from a transcription start in the same part of a gene.

    Example: cistron tracks evaluate --truth t.bw --prediction p.bw --regions chr9 --train-regions chr8
    --annotation genes.gff3 -r hg38.fa -o evaluated/
    """
    from cistron.cli.tracks.evaluate import EvaluateTracksRequest, run_evaluate_tracks

    run_evaluate_tracks(
        EvaluateTracksRequest(
            truth=truth,
            prediction=tuple(prediction),
            regions=tuple(regions),
            output=output,
            annotation=annotation,
            train_regions=tuple(train_regions or ()),
            reference=reference,
            replicate=tuple(replicate or ()),
            gene_part=gene_part,
            strand=strand,
            negate=negate,
            gaps=gaps,
            allow_overlap=allow_overlap,
            block=block,
            resamples=resamples,
            seed=seed,
        )
    )


@COMMAND.command()
def plot(
    place: Annotated[
        str, typer.Argument(metavar="REGION|GENE", help="CHROM:START-END (1-based), or a gene by its name.")
    ],
    prediction: Annotated[
        list[str], typer.Option("--prediction", metavar="[NAME=]P.bw", help="A track to draw; repeatable.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="PNG, SVG or PDF, by its ending.")
    ],
    truth: Annotated[Path | None, typer.Option(metavar="T.bw", help="Measured signal, drawn first.")] = None,
    annotation: Annotation = None,
    own_scales: Annotated[
        bool, typer.Option("--own-scales", help="Give each track its own scale, not one for all.")
    ] = False,
    negate: Annotated[bool, typer.Option("--negate", help="The measurement is stored negative.")] = False,
) -> None:
    """Draw measured and predicted signal over genes.

    Example: cistron tracks plot chr9:5,000-90,000 --truth t.bw --prediction p.bw --annotation genes.gff3
    -o out.png
    """
    from cistron.cli.tracks.plot import PlotTracksRequest, run_plot_tracks

    run_plot_tracks(
        PlotTracksRequest(
            files=tuple(prediction),
            region=place,
            output=output,
            annotation=annotation,
            truth=truth,
            own_scales=own_scales,
            negate=negate,
        )
    )


@COMMAND.command()
def effect(
    variants: Annotated[
        str, typer.Argument(metavar="IN.vcf", help="VCF or BCF, plain or .gz; - is standard input.")
    ],
    head: Annotated[Path, typer.Argument(metavar="HEAD", help="Head folder, from `cistron tracks train`.")],
    reference: Reference,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT.vcf", help=".vcf, .vcf.gz or .bcf; - is VCF.")
    ] = "-",
    model: Model = None,
    annotation: Annotation = None,
    width: Annotated[int | None, typer.Option(min=1, help="Window in bp; default: as in training.")] = None,
    check_ref: Annotated[
        Literal["error", "warn", "exclude"],
        typer.Option(help="A REF that differs from the FASTA: stop, leave out, or drop the record."),
    ] = "error",
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the variants with the largest changes here.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Variants to draw.")] = 10,
    device: Device = "auto",
    threads: Threads = None,
    tag: Annotated[
        str | None, typer.Option(metavar="NAME", help="Fields become CISTRON_NAME_TRACK_LFC and so on.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace CISTRON_TRACK fields of the input.")
    ] = False,
    resume: Resume = False,
) -> None:
    """Predict what each variant does to the tracks, in its window and in each gene there.

    Every record is kept; INFO gains CISTRON_TRACK_LFC (log2 fold change over the window, positive = more
    signal with the alternative allele), CISTRON_TRACK_MAX and _POS (largest change at a base, and where), and
    with --annotation CISTRON_TRACK_GENES, the fold change over the exons of each gene in the window. Deleted
    bases count as without signal, that of inserted bases as of the base before them. For research use only.

    Example: cistron tracks effect in.vcf.gz runs/rna/head -r genome.fa --annotation genes.gff3 -o out.vcf.gz
    """
    from cistron.cli.tracks.effect import EffectRequest, run_effect

    run_effect(
        EffectRequest(
            vcf=variants,
            head=head,
            reference=reference,
            output=output,
            model=model,
            annotation=annotation,
            width=width,
            check_ref=check_ref,
            plots=plots,
            most=most,
            device=device,
            threads=threads,
            tag=tag,
            overwrite=overwrite,
            resume=resume,
        )
    )
