"""`cistron genes`: vectors for genes, and gene-benchmark's tasks with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.options import AsJson, Device, Dtype, ModelName, Reference, Threads

COMMAND = typer.Typer(help="Embed genes and run gene-benchmark's tasks.", no_args_is_help=True)

Seed = Annotated[int, typer.Option(min=0, help="Of folds, sub-samples and everything else that is drawn.")]


@COMMAND.command()
def embed(
    reference: Reference,
    annotation: Annotated[
        Path,
        typer.Option(
            "--annotation", "-a", metavar="GENES", help="GFF3, GTF, BED, or folder with genes.parquet."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.csv", help="Table: symbol, then numbers.")
    ],
    model: ModelName = "default",
    genes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Symbols, one on each line or YAML; default: all.")
    ] = None,
    region: Annotated[
        Literal["tss", "promoter", "gene_body", "transcript", "cds", "utr3", "multi"],
        typer.Option(help="What stands for a gene, on its transcribed strand."),
    ] = "tss",
    width: Annotated[int, typer.Option(min=8, help="Window in bp.")] = 2048,
    windows: Annotated[int, typer.Option(min=1, help="Most windows of a region, at equal steps.")] = 8,
    layer: Annotated[str, typer.Option(help="Layer name or index, `middle`, or `last`.")] = "last",
    pooling: Annotated[Literal["mean", "max", "last"], typer.Option(help="Over positions.")] = "mean",
    strands: Annotated[
        Literal["forward", "both"], typer.Option(help="`both`: the mean with the other strand.")
    ] = "forward",
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep vectors of windows, to go on after a stop.")
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    threads: Threads = None,
) -> None:
    """Write a vector for each gene, the mean over its windows, as gene-benchmark reads it.

    Beside OUT.csv stand OUT.yaml, the model file for `cistron genes run` and for gene-benchmark's own
    run_task.py, and a manifest. Genes that the reference does not hold are counted and left out.

    Example: cistron genes embed -r genome.fa -a gencode.gff3.gz -o vectors.csv
    """
    from cistron.cli.genes.embedding import GeneEmbedding, embed_genes

    embed_genes(
        GeneEmbedding(
            reference=reference,
            annotation=annotation,
            output=output,
            model=model,
            genes=genes,
            region=region,
            width=width,
            windows=windows,
            layer=layer,
            pooling=pooling,
            strands=strands,
            cache=cache,
            device=device,
            dtype=dtype,
            threads=threads,
        )
    )


@COMMAND.command()
def tasks(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of tasks.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Folder of the benchmark data; default: $CISTRON_DATA."),
    ] = None,
) -> None:
    """Write the tasks whose labels are at hand in gene-benchmark's format, a folder each.

    Example: cistron genes tasks -o tasks/
    """
    from cistron.cli.genes.tasks import write_tasks

    write_tasks(output, data)


@COMMAND.command()
def run(
    task_names: Annotated[
        list[str],
        typer.Option("--task-names", "-t", metavar="TASK", help="Name, 'Task;column', or a list in YAML."),
    ],
    models: Annotated[
        list[Path],
        typer.Option("--model-config-files", "-m", metavar="MODEL.yaml", help="Model file; repeatable."),
    ],
    tasks_folder: Annotated[
        Path,
        typer.Option(
            "--tasks-folder",
            "-tf",
            metavar="DIR",
            envvar="GENE_BENCHMARK_TASKS_FOLDER",
            help="Folder of tasks.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output-file-name", "-o", metavar="OUT.csv", help="Report; lines are appended.")
    ] = Path("task_report.csv"),
    scoring: Annotated[
        Literal["auto", "binary", "category", "multi", "regression"],
        typer.Option(
            "--scoring-type", "--scoring_type", "-s", help="Kind of the tasks; auto looks at the outcomes."
        ),
    ] = "auto",
    excluded: Annotated[
        Path | None,
        typer.Option("--excluded-symbols-file", "-e", metavar="FILE", help="Rows with any of these go."),
    ] = None,
    included: Annotated[
        Path | None,
        typer.Option("--include-symbols-file", "-i", metavar="FILE", help="Rows of these alone stay."),
    ] = None,
    sub_sample: Annotated[float, typer.Option(help="Share of the rows to draw.")] = 1.0,
    multi_label_th: Annotated[
        float, typer.Option("--multi-label-th", "-th", help="Labels of at most this share of rows go.")
    ] = 0.0,
    multi_class_th: Annotated[
        float, typer.Option("--multi-class-th", "-cth", help="Classes of at most this share of rows go.")
    ] = 0.0,
    append: Annotated[
        bool, typer.Option("--append-results/--no-append-results", help="Keep the lines that are there.")
    ] = True,
    seed: Seed = 0,
    compat: Annotated[
        bool,
        typer.Option(
            "--compat",
            help="Keep its flaws: no scaling, labels ranked by hard predictions, noise for missing genes.",
        ),
    ] = False,
) -> None:
    """Run tasks with models by gene-benchmark's protocol: same options, estimators and columns; seeded.

    Example: cistron genes run -tf tasks/ -t "TF vs non-TF" -m vectors.yaml -o report.csv
    """
    from cistron.cli.genes.running import GeneRun, run_gene_tasks

    run_gene_tasks(
        GeneRun(
            tasks=task_names,
            models=models,
            folder=tasks_folder,
            output=output,
            scoring=scoring,
            excluded=excluded,
            included=included,
            fraction=sub_sample,
            least_label_share=multi_label_th,
            least_class_share=multi_class_th,
            append=append,
            seed=seed,
            compat=compat,
        )
    )


@COMMAND.command()
def rank(
    reports: Annotated[
        list[Path],
        typer.Argument(metavar="REPORT...", help="Reports of genes run, or published scores (.xlsx)."),
    ],
    as_json: AsJson = False,
) -> None:
    """Rank models over the tasks that all were run on, and tell which differences are more than chance.

    Mean ranks, means by family, Friedman's test, and Wilcoxon's with Holm's correction for each pair.

    Example: cistron genes rank report.csv
    """
    from cistron.cli.genes.ranking import print_ranking

    print_ranking(reports, as_json=as_json)
