"""Scores of gene-benchmark, fold by fold: its published spreadsheet, or reports in its form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cistron.errors import InputError
from cistron.formats.labelled_sequences import read_rows
from cistron.formats.xlsx import read_xlsx

PUBLISHED_SHEET: Final = 3
_COLUMNS: Final = ("task_name", "task_group", "Model", "fold", "metric", "score")
_AREAS: Final = ("test_roc_auc", "test_roc_auc_ovr_weighted", "test_roc_auc_weighted")


class FoldScore(NamedTuple):
    """What one model reached in one fold of one task.

    Attributes:
        task: Its name.
        family: Of tasks; empty where none is stated.
        model: Its name.
        fold: From 0.
        area: Area under the ROC curve; of several classes or labels the weighted mean.
    """

    task: str
    family: str
    model: str
    fold: int
    area: float


def read_fold_scores(path: str | Path) -> list[FoldScore]:
    """The areas under ROC curves in a published spreadsheet (`.xlsx`) or in a report (`.csv`).

    Raises:
        InputError: The file is missing or damaged, lacks a column, or holds no such scores.
    """
    found = list(_published(Path(path)) if str(path).endswith(".xlsx") else _reported(Path(path)))
    if not found:
        raise InputError(f"{path} holds no areas under ROC curves")
    return found


def _published(path: Path) -> Iterator[FoldScore]:
    for row in read_xlsx(path, sheet=PUBLISHED_SHEET):
        missing = [name for name in _COLUMNS if name not in row]
        if missing:
            raise InputError(f"sheet {PUBLISHED_SHEET} of {path} has no column {', '.join(missing)}")
        task, family, model, fold, metric, score = (row[name] for name in _COLUMNS)
        if metric == "roc_auc":
            yield FoldScore(task, family, model, int(fold), float(score))


def _reported(path: Path) -> Iterator[FoldScore]:
    for row in read_rows(path, ("task_name", "model_name")):
        areas = next((row[name] for name in _AREAS if row.get(name)), "")
        task = ";".join(filter(None, (row["task_name"], row.get("sub_task"))))
        for fold, area in enumerate(areas.split(",") if areas else ()):
            yield FoldScore(task, "", row["model_name"], fold, float(area))
