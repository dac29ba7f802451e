"""The job behind `cistron genes run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cistron.cli.progress import note, progress_of
from cistron.evals.genes.encoders import encoded
from cistron.evals.genes.protocol import METRICS, cross_validated, mean_and_deviation
from cistron.evals.genes.report import report_line
from cistron.evals.genes.selection import Scoring, Selection, scoring_of
from cistron.formats.gene_model_file import ModelFile, read_model_file, read_names
from cistron.formats.gene_report import append_report
from cistron.formats.gene_tasks import COLUMN_SIGN, read_gene_task


@dataclass(frozen=True)
class GeneRun:
    """What the user asked for; see `cistron genes run --help`."""

    tasks: Sequence[str]
    models: Sequence[Path]
    folder: Path
    output: Path
    scoring: Scoring | Literal["auto"] = "auto"
    excluded: Path | None = None
    included: Path | None = None
    fraction: float = 1.0
    least_label_share: float = 0.0
    least_class_share: float = 0.0
    append: bool = True
    seed: int = 0
    compat: bool = False


def run_gene_tasks(asked: GeneRun) -> None:
    """Run every task with every model; each line is in the report as soon as it is known.

    Raises:
        CistronError: A file is missing or damaged, or a task cannot be scored as asked.
    """
    selection = Selection(
        frozenset() if asked.excluded is None else frozenset(read_names(asked.excluded)),
        None if asked.included is None else frozenset(read_names(asked.included)),
        asked.fraction,
        asked.least_label_share,
        asked.least_class_share,
        asked.seed,
    )
    work = [
        (read_model_file(path), path.parent, name) for path in asked.models for name in _names(asked.tasks)
    ]
    with progress_of("Running gene tasks") as progress:
        for number, (model, folder, name) in enumerate(work):
            progress(number, len(work), name)
            line = _line(asked, model, folder, name, selection)
            append_report(asked.output, line, append=asked.append or number > 0)
    note(f"wrote {len(work)} lines to {asked.output}")


def _line(
    asked: GeneRun, model: ModelFile, folder: Path, name: str, selection: Selection
) -> dict[str, object]:
    task = selection.of(read_gene_task(asked.folder, name))
    scoring = scoring_of(task) if asked.scoring == "auto" else asked.scoring
    found = encoded(model, task, folder, seed=asked.seed, noise=asked.compat)
    scores = cross_validated(
        found.features,
        found.task,
        scoring,
        base_model=model.base_model,
        seed=asked.seed,
        compat=asked.compat,
    )
    _tell(name, model, found.left_out, scoring, scores.folds[METRICS[scoring][0]])
    return report_line(
        model,
        found,
        scores,
        scoring=scoring,
        column=name.partition(COLUMN_SIGN)[2],
        excluded=len(selection.excluded),
        fraction=selection.fraction,
        seed=asked.seed,
        compat=asked.compat,
    )


def _tell(name: str, model: ModelFile, left_out: int, scoring: Scoring, folds: Sequence[float]) -> None:
    mean, deviation = mean_and_deviation(folds)
    without = f"; {left_out:,} rows without a vector left out" if left_out else ""
    label = model.model_name or model.encoder.class_name
    note(f"{name}, {label}: {METRICS[scoring][0]} {mean:.3f} ± {deviation:.3f} over folds{without}")


def _names(given: Sequence[str]) -> Iterator[str]:
    """Names of tasks, lists of them unfolded."""
    for name in given:
        if name.endswith((".yaml", ".yml")):
            yield from read_names(name)
        else:
            yield name
