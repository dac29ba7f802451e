"""From what a probe told to metrics with intervals and a long table, for each kind of label."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron.evals.outcome import Metric, Outcome
from cistron.evals.probing.examples import Examples
from cistron.evals.probing.fit import Told
from cistron.metrics.blocks import interval_of
from cistron.metrics.marks import one_against_rest_of, ranked_marks
from cistron.metrics.named import MEASURES

METRICS: Final = {
    "classes": ("mcc", "accuracy", "f1"),
    "marks": ("macro-auroc", "weighted-auroc", "macro-auprc"),
    "numbers": ("r2", "spearman", "pearson", "rmse", "mae"),
}
"""Kind of label → metrics."""

_OF_TWO_CLASSES: Final = ("auroc", "auprc")

_CORRELATIONS: Final = ("spearman", "pearson")
_Table = dict[str, NDArray[Any]]


def outcome_of(told: Told, examples: Examples, metric: str, seed: int) -> Outcome:
    """Metrics with intervals, the main one first, and what was told of each example.

    Marks have a row an example and mark. Where the examples were told several times over, the rounds are the
    blocks that are resampled.
    """
    items = _items(told, examples)
    wanted = list(METRICS[examples.kind])
    if examples.kind == "classes" and len(examples.classes) == 2:
        wanted += _OF_TWO_CLASSES
    wanted.sort(key=lambda name: name != metric)
    blocks = len(np.unique(items["group"]))
    metrics = tuple(_metric(name, items, blocks, seed) for name in wanted)
    if examples.kind == "classes" and len(examples.classes) > 2:
        area = one_against_rest_of(told.values, examples.labels[told.at])
        metrics += (Metric.of("macro-auroc", interval_of(area, items["group"], seed=seed), blocks),)
    return Outcome(metrics, items, (*_fitting(told), *_left_out(items, examples)))


def _metric(name: str, items: _Table, blocks: int, seed: int) -> Metric:
    measure = MEASURES[name]
    if name in _CORRELATIONS and np.ptp(items["score"]) == 0:
        return Metric(name, math.nan, n=blocks, higher_is_better=True, note="none: all are told the same")
    found = interval_of(measure.on(items), items["group"], seed=seed)
    return Metric.of(name, found, blocks, higher_is_better=measure.higher_is_better)


def _items(told: Told, examples: Examples) -> _Table:
    """The long table of what was told."""
    rounds = np.arange(len(told.at)) // len(examples.tested)
    repeated = len(told.at) > len(examples.tested)
    names = np.array(examples.names)[told.at]
    items = {
        "item": np.char.add(np.char.add(rounds.astype(str), ":"), names) if repeated else names,
        "group": rounds if repeated else examples.groups[told.at],
        "label": examples.labels[told.at],
    }
    if examples.kind == "marks":
        return _by_mark(items, told, examples)
    if examples.kind == "numbers":
        return {**items, "score": told.values[:, 0]}
    items["prediction"] = told.values.argmax(axis=1)
    if len(examples.classes) == 2:
        return {**items, "score": told.values[:, 1]}
    return items | {f"p:{name}": told.values[:, at] for at, name in enumerate(examples.classes)}


def _by_mark(items: _Table, told: Told, examples: Examples) -> _Table:
    """A row an example and mark; the item of a row is named by both."""
    count, marks = len(told.at), len(examples.classes)
    mark = np.tile(np.array(examples.classes), count)
    return {
        "item": np.char.add(np.char.add(np.repeat(items["item"], marks), " "), mark),
        "group": np.repeat(items["group"], marks),
        "mark": mark,
        "label": items["label"].reshape(-1),
        "score": told.values.reshape(-1),
    }


def _fitting(told: Told) -> tuple[str, ...]:
    chosen = sorted(set(told.strengths)) if len(told.strengths) > _SHOWN else told.strengths
    notes = []
    if chosen:
        notes.append(f"C chosen inside the training part: {', '.join(f'{each:g}' for each in chosen)}")
    if told.unfinished:
        notes.append(f"the fit had not converged in {told.unfinished} folds")
    return tuple(notes)


_SHOWN: Final = 10
"""Choices that are listed one by one."""


def _left_out(items: _Table, examples: Examples) -> tuple[str, ...]:
    if examples.kind != "marks":
        return ()
    lost = len(examples.classes) - len(ranked_marks(items["label"] == 1, items["mark"]))
    return (
        (f"{lost} of {len(examples.classes)} marks are those of all items or none and do not count",)
        if lost
        else ()
    )
