"""Two rows of a task on the same items: is one better, or is it a tie?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.rows import Row, load_row
from cistron.evals.run import TASK_FILE
from cistron.metrics.blocks import difference_of
from cistron.metrics.bootstrap import Interval
from cistron.metrics.named import MEASURES
from cistron.metrics.paired import delong, holm, mcnemar

Verdict = Literal["first", "second", "tie"]

ALPHA = 0.05
"""A difference is told from a tie below this p-value, after Holm's correction."""


@dataclass(frozen=True)
class Comparison:
    """The difference of two rows.

    Attributes:
        task: Name of the task.
        metric: Which metric.
        first: Name of the first row.
        second: Name of the second.
        values: The metric of each on the items they share.
        difference: First minus second with its 95 % interval, from drawing blocks for both alike.
        p: Two-sided, of no difference, from the same draws.
        adjusted: The same after Holm's correction for all comparisons made together.
        classical: p-value of DeLong's (AUROC) or McNemar's test (accuracy, MCC), which take items as
            independent; None for other metrics.
        items: Items they share.
        blocks: Blocks that were drawn.
        higher_is_better: Which end is good.
    """

    task: str
    metric: str
    first: str
    second: str
    values: tuple[float, float]
    difference: Interval
    p: float
    adjusted: float
    classical: float | None
    items: int
    blocks: int
    higher_is_better: bool = True

    @property
    def verdict(self) -> Verdict:
        """Who is better, where the data tell."""
        if self.adjusted >= ALPHA or self.difference.low <= 0 <= self.difference.high:
            return "tie"
        return "first" if (self.difference.estimate > 0) == self.higher_is_better else "second"


def compare_rows(first: Row, second: Row, *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Compare the main metric of two rows of one task on the items that both have.

    Raises:
        InputError: They are rows of different tasks or versions, have no items in common, disagree on the
            labels, or their metric cannot be computed from items.
    """
    _require_comparable(first, second)
    assert first.outcome is not None
    metric = first.outcome.main.name
    measure = MEASURES.get(metric.partition(":")[0])
    if measure is None:
        raise InputError(f"{first.task}: {metric} cannot be compared; only {', '.join(sorted(MEASURES))}")
    ours, theirs = _joined(first, second)
    groups = ours.get("group", ours["item"])
    difference, p = difference_of(
        measure.on(ours), measure.on(theirs), groups, resamples=resamples, seed=seed
    )
    ones = np.ones((1, len(groups)))
    values = float(measure.on(ours)(ones)[0]), float(measure.on(theirs)(ones)[0])
    return Comparison(
        first.task,
        metric,
        first.name,
        second.name,
        values,
        difference,
        p,
        p,
        _classical(metric, ours, theirs),
        len(groups),
        len(np.unique(groups)),
        measure.higher_is_better,
    )


def together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values adjusted for all of them being made."""
    adjusted = holm([each.p for each in comparisons])
    return [replace(each, adjusted=p) for each, p in zip(comparisons, adjusted, strict=True)]


def compare_paths(first: Path, second: Path, *, resamples: int = 2000, seed: int = 0) -> list[Comparison]:
    """Compare two results: two JSON files of rows, or two folders with the tasks that both have.

    Raises:
        InputError: A path is not a result, a folder has several models, or nothing is shared.
    """
    if first.is_file() and second.is_file():
        return [compare_rows(load_row(first), load_row(second), resamples=resamples, seed=seed)]
    ours, theirs = _models_in(first), _models_in(second)
    shared = [task for task in ours if task in theirs]
    if not shared:
        raise InputError(f"{first} and {second} have no task in common")
    found = [compare_rows(ours[task], theirs[task], resamples=resamples, seed=seed) for task in shared]
    return together(found)


def _models_in(folder: Path) -> dict[str, Row]:
    """Task → the row of its one model."""
    found: dict[str, Row] = {}
    for description in sorted(folder.rglob(TASK_FILE)):
        rows = [load_row(path) for path in sorted(description.parent.glob("*.json")) if path != description]
        models = [row for row in rows if row.kind == "model" and row.outcome is not None]
        if len(models) > 1:
            names = ", ".join(row.name for row in models)
            raise InputError(f"{description.parent} has several models ({names}); name the files of two rows")
        found.update({row.task: row for row in models})
    if not found:
        raise InputError(f"{folder} holds no results of cistron eval")
    return found


def _require_comparable(first: Row, second: Row) -> None:
    if (first.task, first.version) != (second.task, second.version):
        raise InputError(
            f"{first.task} (version {first.version}) and {second.task} (version {second.version})"
            " are different tasks"
        )
    for row in (first, second):
        if row.outcome is None:
            raise InputError(f"{row.task}: {row.name} has no numbers: {row.skipped}")
        if "item" not in row.outcome.items:
            raise InputError(f"{row.task}: {row.name} kept no items to compare")


def _joined(first: Row, second: Row) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """The columns of both on the items they share, in one order."""
    assert first.outcome is not None
    assert second.outcome is not None
    left = {name: np.asarray(values) for name, values in first.outcome.items.items()}
    right = {name: np.asarray(values) for name, values in second.outcome.items.items()}
    shared, ours, theirs = np.intersect1d(left["item"], right["item"], return_indices=True)
    if not len(shared):
        raise InputError(f"{first.task}: {first.name} and {second.name} have no items in common")
    left = {name: values[ours] for name, values in left.items()}
    right = {name: values[theirs] for name, values in right.items()}
    if "label" in left and not np.array_equal(left["label"], right["label"]):
        raise InputError(f"{first.task}: {first.name} and {second.name} disagree on the labels of items")
    return left, right


def _classical(metric: str, ours: dict[str, NDArray[Any]], theirs: dict[str, NDArray[Any]]) -> float | None:
    if metric == "auroc":
        return delong(ours["score"], theirs["score"], ours["label"].astype(bool)).p
    if metric in ("accuracy", "mcc"):
        label = ours["label"]
        return mcnemar(ours["prediction"] == label, theirs["prediction"] == label)
    return None
