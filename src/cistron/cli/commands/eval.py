"""`cistron eval`: any model on the same tasks, beside baselines, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.options import AsJson, Device, Dtype, Resume, Threads

COMMAND = typer.Typer(help="Evaluate models on benchmarks and compare them.", no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the benchmark data; default: $CISTRON_DATA."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of sampling, folds, bootstrap and random twins.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Most items (of some tasks: genes), sampled; default: all.")
]


@COMMAND.command("ls")
def ls(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="Names, suites or globs; default: all.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List tasks, and say which can run with the data at hand."""
    from cistron.cli.evaluating.lists import list_tasks

    list_tasks(patterns or [], data, as_json=as_json)


@COMMAND.command()
def run(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Names, suites or globs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="Shipped name, folder, hub id, table of vectors (see export), head for tracks, or service"
            " http://HOST:PORT[#MODEL] (key in CISTRON_KEY); repeat for several.",
        ),
    ] = None,
    data: Data = None,
    limit: Limit = None,
    seed: Seed = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="OPTION=VALUE", help="Option of tasks; repeatable.")
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What probe tasks fit: linear, logistic, ridge, pca, xgboost, mlp, or fine-tune, which"
            " trains the model; default: the task's own.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep answers here for other runs too; default: DIR/answers."),
    ] = None,
    twins: Annotated[
        bool,
        typer.Option("--twins/--no-twins", help="Also ask a random model like each, where a task wants it."),
    ] = True,
    device: Device = "auto",
    dtype: Dtype = "auto",
    threads: Threads = None,
    resume: Resume = False,
) -> None:
    """Run tasks, and write rows as JSON, items as Parquet, results.tsv and one HTML report.

    Each task has a folder below the output. Beside the models stand the rows that give their numbers a
    meaning: a Markov model, controls, and baselines without a model. A model that cannot answer is skipped
    with the reason, and so is a task whose data is not there. Files that --set names may lie anywhere.

    Example: cistron eval run gue/tf/0 -m default -o results/
    """
    from cistron.cli.evaluating.run import EvaluationRequest, run_evaluation

    run_evaluation(
        EvaluationRequest(
            tasks=tasks,
            models=model or ["default"],
            output=output,
            data=data,
            limit=limit,
            seed=seed,
            options=[*(set_ or []), *([] if probe is None else [f"probe={probe}"])],
            cache=cache,
            twins=twins,
            device=device,
            dtype=dtype,
            threads=threads,
            resume=resume,
        )
    )


@COMMAND.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="JSON of a row, or a folder of results.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The other one.")],
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Tell whether one model is better than another on the same items, or whether it is a tie.

    Differences come with 95 % intervals from a paired bootstrap over blocks, p-values are corrected by Holm's
    method, and DeLong's or McNemar's test stands beside where it applies.

    Example: cistron eval compare results/gue/tf/0/default.json results/gue/tf/0/words-of-5-bases.json
    """
    from cistron.cli.evaluating.lists import print_comparisons
    from cistron.evals.compare import compare_paths

    print_comparisons(compare_paths(first, second, seed=seed), as_json=as_json)


@COMMAND.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of results.")],
) -> None:
    """Write report.html and results.tsv again from the results in a folder."""
    from cistron.cli.progress import note
    from cistron.evals.report import write_report

    note(f"wrote {write_report(folder)}")


@COMMAND.command()
def audit(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Names, suites or globs.")],
    data: Data = None,
    limit: Limit = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Look for leaks between the training and test parts of tasks, without any model."""
    from cistron.cli.evaluating.lists import print_audits

    print_audits(tasks, data, limit, seed, as_json=as_json)


@COMMAND.command()
def validate(
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="Names, suites or globs; default: all.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Look at a folder of results instead.")
    ] = None,
    data: Data = None,
    limit: Limit = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Check the data of tasks, or a folder of results, and fail when something is damaged.

    Data: every file that a task needs is read, counted and hashed; nothing is asked of a model. Results:
    every row is read, and its main metric computed again from its items. Data that is not there is told, and
    is no failure.

    Example: cistron eval validate gue
    """
    from cistron.cli.evaluating.lists import print_validation

    print_validation(tasks or [], results, data, limit, seed, as_json=as_json)


@COMMAND.command()
def export(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Names, suites or globs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.fa", help="FASTA to write.")],
    data: Data = None,
    limit: Limit = None,
    seed: Seed = 0,
) -> None:
    """Write the sequences that tasks want embedded, to be embedded by any other model.

    A table of the vectors, named like the records (`.parquet` as `cistron embed` writes it, `.csv` or
    `.tsv`), is then given to `cistron eval run` as a model. Use the same --limit and --seed for both. For
    gene tasks it may as well be a table by gene symbol, and needs no export.

    Example: cistron eval export gue/tf/0 -o tf0.fa
    """
    from cistron.cli.evaluating.lists import export_sequences

    export_sequences(tasks, output, data, limit, seed)
