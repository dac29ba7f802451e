"""Metrics of a table: contrasts between its rows and areas under ROC curves, resampled by gene."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from cistron.evals.outcome import Metric
from cistron.evals.zeroshot.asking import Table
from cistron.metrics.bootstrap import percentile_interval, ratio_interval
from cistron.metrics.ranking import auroc, auroc_interval

Rows = Bool[np.ndarray, "N"]
Measure = Callable[[Table], tuple[Metric, ...]]
By = Literal["llr", "flank"]

_RESAMPLES: Final = 1000


def between(table: Table, low: int, high: int) -> Rows:
    """Rows whose place lies in `low` to `high`, both included."""
    return (table.place >= low) & (table.place <= high)


def unit_means(table: Table, rows: Rows) -> Float[np.ndarray, "units"]:
    """Mean llr of each unit's chosen rows; NaN for a unit without any."""
    units = int(table.unit.max()) + 1 if len(table.unit) else 0
    total = np.bincount(table.unit[rows], table.llr[rows], units)
    count = np.bincount(table.unit[rows], minlength=units)
    means = np.full(units, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means


def contrast(table: Table, name: str, above: Rows, below: Rows, note: str = "") -> Metric:
    """Mean over genes of (mean llr of `above` − mean llr of `below`), in nats; resampled by gene."""
    return mean_metric(name, unit_means(table, above) - unit_means(table, below), note)


def mean_metric(name: str, values: Float[np.ndarray, "units"], note: str = "") -> Metric:
    """Mean over units that have a value, with an interval from resampling them."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Metric(name, float("nan"), n=len(known), note="fewer than two units have it")
    return Metric.of(name, ratio_interval(known, np.ones(len(known))), len(known), note=note)


def class_auroc(
    table: Table,
    name: str,
    kind: str | Collection[str],
    against: str | Collection[str],
    by: By = "llr",
    note: str = "",
) -> Metric:
    """Chance that an edit of one class scores below one of another; a tie counts half; resampled by gene.

    Args:
        table: All edits.
        name: Of the metric.
        kind: Class, or several taken together.
        against: The other.
        by: What is ranked.
        note: For the reader.
    """
    scores: Float[np.ndarray, "N"] = getattr(table, by)
    wanted, others = ([each] if isinstance(each, str) else list(each) for each in (kind, against))
    rows = np.isin(table.kind, [*wanted, *others]) & np.isfinite(scores)
    positive = np.isin(table.kind[rows], wanted)
    if positive.all() or not positive.any():
        return Metric(name, float("nan"), n=int(rows.sum()), note=f"needs {kind} and {against}")
    units = len(np.unique(table.unit[rows]))
    if units < 2:
        return Metric(name, auroc(-scores[rows], positive), n=units, note="one gene has no interval")
    return Metric.of(name, auroc_interval(-scores[rows], positive, table.unit[rows]), units, note=note)


def rank_correlation(
    name: str,
    x: Float[np.ndarray, "N"],
    y: Float[np.ndarray, "N"],
    groups: NDArray[Any],
    note: str = "",
) -> Metric:
    """Spearman's correlation of two columns, with an interval from resampling groups.

    Args:
        name: Of the metric.
        x: One column.
        y: The other.
        groups: Which rows belong together, any labels.
        note: For the reader.

    Source: Spearman 1904, American Journal of Psychology 15:72: Pearson's correlation of the ranks.
    """
    _, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == number) for number in range(int(member.max(initial=-1)) + 1)]
    if len(rows) < 3:
        return Metric(name, float("nan"), n=len(rows), note="fewer than three groups")
    random = np.random.default_rng(0)
    draws = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        drawn = np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))])
        draws[number] = _correlation(x[drawn], y[drawn])
    return Metric.of(name, percentile_interval(_correlation(x, y), draws, 0.95), len(rows), note=note)


def _correlation(x: Float[np.ndarray, "N"], y: Float[np.ndarray, "N"]) -> float:
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def _ranks(values: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Ranks from 0, the mean rank for ties."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[inverse]
