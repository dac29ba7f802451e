"""Which rows and outcomes of a task are used: lists of genes, shares of classes, a random part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cistron.errors import InputError
from cistron.formats.gene_tasks import GeneTask

Scoring = Literal["binary", "category", "multi", "regression"]


@dataclass(frozen=True)
class Selection:
    """What is left out of a task, in gene-benchmark's words.

    Attributes:
        excluded: A row with any of these entities goes.
        included: A row stays only if all of its entities are here; None keeps all.
        fraction: Share of the rows that is drawn.
        least_label_share: Labels of a multi-label task with at most this share of rows go.
        least_class_share: Classes with at most this share of rows go.
        seed: Of the draw.
    """

    excluded: Collection[str] = ()
    included: Collection[str] | None = None
    fraction: float = 1.0
    least_label_share: float = 0.0
    least_class_share: float = 0.0
    seed: int = 0

    def of(self, task: GeneTask) -> GeneTask:
        """The task with what is selected.

        Raises:
            InputError: Nothing is left, or the fraction is not above 0 and at most 1.
        """
        if not 0 < self.fraction <= 1:
            raise InputError(f"a sub-sample of {self.fraction:g} is not above 0 and at most 1")
        kept = [at for at, row in enumerate(task.entities) if self._wanted(row)]
        if self.fraction < 1:
            order = np.random.default_rng(self.seed).permutation(len(kept))
            kept = [kept[at] for at in order[: round(self.fraction * len(kept))].tolist()]
        chosen = self._frequent(task.rows(kept))
        if not len(chosen) or not chosen.columns:
            raise InputError(f"nothing of task '{task.name}' is left by the lists and thresholds given")
        return chosen

    def _wanted(self, row: tuple[str, ...]) -> bool:
        inside = self.included is None or all(name in self.included for name in row)
        return inside and not any(name in self.excluded for name in row)

    def _frequent(self, task: GeneTask) -> GeneTask:
        if len(task.columns) > 1 and self.least_label_share > 0:
            shares = np.array([[float(cell) for cell in row] for row in task.outcomes]).mean(axis=0)
            task = task.columns_at(np.flatnonzero(shares > self.least_label_share).tolist())
        if len(task.columns) == 1 and self.least_class_share > 0:
            counts = Counter(row[0] for row in task.outcomes)
            rows = [
                at
                for at, row in enumerate(task.outcomes)
                if counts[row[0]] > self.least_class_share * len(task)
            ]
            task = task.rows(rows)
        return task


def scoring_of(task: GeneTask) -> Scoring:
    """What kind of task it is.

    Several columns are labels, two values a binary task, mostly different numbers a regression, anything else
    classes.
    """
    if len(task.columns) > 1:
        return "multi"
    values = {row[0] for row in task.outcomes}
    if len(values) == 2:
        return "binary"
    return "regression" if all(map(_is_number, values)) and 2 * len(values) > len(task) else "category"


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
