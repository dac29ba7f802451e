"""How good answers are, with intervals, and whether one way to answer is better than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Bool

from cistron.fusion.answers import found_anywhere
from cistron.metrics.blocks import difference_of, interval_of
from cistron.metrics.bootstrap import Interval
from cistron.metrics.correlation import mean_of
from cistron.metrics.paired import mcnemar

MISSED: Final = ""
"""What stands for an answer that is none of the labels."""

_FEWEST: Final = 5
"""Groups below which an interval would say nothing."""


@dataclass(frozen=True)
class Row:
    """One way to answer, on all examples of a part.

    Attributes:
        name: Of the row.
        what: How it answers.
        said: For each example the label, or None for a miss.
        texts: What was said, where it was said freely; empty otherwise.
    """

    name: str
    what: str
    said: Sequence[str | None]
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Measured:
    """How good a row is.

    Attributes:
        accuracy: Share of right answers; misses are wrong.
        low: Lower end of the 95 % interval, drawn by gene.
        high: Upper end.
        precision: Mean over the true labels; 0 for one that is never said.
        recall: Mean over the true labels.
        f1: Mean over the true labels of the harmonic mean of both.
        missed: Answers that are no label.
        count: Examples.
    """

    accuracy: float
    low: float | None
    high: float | None
    precision: float
    recall: float
    f1: float
    missed: int
    count: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """One row's accuracy less another's on the same examples.

    Attributes:
        first: Row.
        second: The row that is taken off.
        estimate: Of the difference.
        low: Lower end of the 95 % interval, drawn by gene.
        high: Upper end.
        p: Of both being right equally often; McNemar's exact test.
    """

    first: str
    second: str
    estimate: float
    low: float | None
    high: float | None
    p: float


def measure(row: Row, truths: Sequence[str], groups: Sequence[str]) -> Measured:
    """How good a row is.

    Args:
        row: The row.
        truths: The true label of each example.
        groups: What is drawn together for intervals: genes.
    """
    right = rightness(row, truths)
    interval = _interval(right, groups)
    scores = [_of_label(label, truths, row.said, empty=0.0) for label in sorted(set(truths))]
    precision, recall, f1 = (float(np.mean(part)) for part in zip(*scores, strict=True))
    missed = sum(label is None for label in row.said)
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Measured(float(right.mean()), low, high, precision, recall, f1, missed, len(truths))


def measure_compatibly(row: Row, truths: Sequence[str]) -> Measured:
    """As published: the true label anywhere in the text is right, any other text is a class of its own.

    Every class that is never said has precision 1, and so has nearly every class that is.
    """
    texts = row.texts or [label or MISSED for label in row.said]
    said = [
        truth if found_anywhere(text, truth) else f"text {number}"
        for number, (text, truth) in enumerate(zip(texts, truths, strict=True))
    ]
    scores = [_of_label(label, truths, said, empty=1.0) for label in sorted(set(truths))]
    precision, recall, f1 = (float(np.mean(part)) for part in zip(*scores, strict=True))
    accuracy = float(np.mean([one == truth for one, truth in zip(said, truths, strict=True)]))
    return Measured(accuracy, None, None, precision, recall, f1, 0, len(truths))


def compare(first: Row, second: Row, truths: Sequence[str], groups: Sequence[str]) -> Difference:
    """What the first row gets right more often than the second."""
    better, worse = rightness(first, truths), rightness(second, truths)
    estimate = float(better.mean() - worse.mean())
    low = high = None
    if len(set(groups)) >= _FEWEST:
        statistics = mean_of(better.astype(float)), mean_of(worse.astype(float))
        interval, _ = difference_of(*statistics, groups)
        low, high = interval.low, interval.high
    return Difference(first.name, second.name, estimate, low, high, mcnemar(better, worse))


def rightness(row: Row, truths: Sequence[str]) -> Bool[np.ndarray, "N"]:
    """Whether each answer is right."""
    return np.array([one == truth for one, truth in zip(row.said, truths, strict=True)], dtype=bool)


def _interval(right: Bool[np.ndarray, "N"], groups: Sequence[str]) -> Interval | None:
    if len(set(groups)) < _FEWEST:
        return None
    return interval_of(mean_of(right.astype(float)), groups)


def _of_label(
    label: str, truths: Sequence[str], said: Sequence[str | None], *, empty: float
) -> tuple[float, float, float]:
    """Precision, recall and F1 of one label; `empty` where there is nothing to divide by."""
    hits = sum(one == truth == label for one, truth in zip(said, truths, strict=True))
    named, true = sum(one == label for one in said), sum(truth == label for truth in truths)
    precision = hits / named if named else empty
    recall = hits / true if true else empty
    return precision, recall, 2 * hits / (named + true) if named + true else empty
