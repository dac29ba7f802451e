"""Metrics by the name under which results keep them, computed from the columns of a long table.

So that two results are compared, or one is checked, without asking any model again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.metrics.blocks import Statistic
from cistron.metrics.classes import accuracy_of, f1_of, mcc_of
from cistron.metrics.correlation import mae_of, mean_of, pearson_of, r2_of, rmse_of, spearman_of
from cistron.metrics.marks import macro_auprc_of, macro_auroc_of, weighted_auroc_of
from cistron.metrics.ranking import auprc_of, auroc_of

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Measure:
    """A metric that can be computed from a long table.

    Attributes:
        columns: Which columns it needs.
        statistic: Makes the statistic from them, in that order.
        higher_is_better: Which end is good.
    """

    columns: tuple[str, ...]
    statistic: Callable[..., Statistic]
    higher_is_better: bool = True

    def on(self, columns: Columns) -> Statistic:
        """The statistic of a table.

        Raises:
            InputError: A column is missing.
        """
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise InputError(f"the items have no column {', '.join(missing)}")
        return self.statistic(*(np.asarray(columns[name]) for name in self.columns))


_OF_MARKS: Final = ("score", "label", "mark")
"""One row an item and mark."""

MEASURES: Final[dict[str, Measure]] = {
    "auroc": Measure(("score", "label"), lambda score, label: auroc_of(score, label.astype(bool))),
    "auprc": Measure(("score", "label"), lambda score, label: auprc_of(score, label.astype(bool))),
    "accuracy": Measure(("label", "prediction"), accuracy_of),
    "mcc": Measure(("label", "prediction"), mcc_of),
    "f1": Measure(("label", "prediction"), f1_of),
    "spearman": Measure(("score", "label"), spearman_of),
    "pearson": Measure(("score", "label"), pearson_of),
    "r2": Measure(("score", "label"), r2_of),
    "rmse": Measure(("score", "label"), rmse_of, higher_is_better=False),
    "mae": Measure(("score", "label"), mae_of, higher_is_better=False),
    "macro-auroc": Measure(_OF_MARKS, lambda score, label, mark: macro_auroc_of(score, label == 1, mark)),
    "weighted-auroc": Measure(
        _OF_MARKS, lambda score, label, mark: weighted_auroc_of(score, label == 1, mark)
    ),
    "macro-auprc": Measure(_OF_MARKS, lambda score, label, mark: macro_auprc_of(score, label == 1, mark)),
    "nats": Measure(("score",), mean_of, higher_is_better=False),
    "mean": Measure(("score",), mean_of),
    "recovery": Measure(("score",), mean_of),
}
