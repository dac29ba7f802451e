"""What came out of a task for one row of its table: metrics with intervals, and a value for every item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.metrics.bootstrap import Interval

Column = NDArray[Any] | Sequence[str]


@dataclass(frozen=True)
class Metric:
    """One number.

    Attributes:
        name: Such as `auroc`; `auroc:missense` is that of a part of the items.
        value: The estimate; NaN where it cannot be had, and `note` says why.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end.
        n: Independent units it rests on: items, or the blocks that were resampled.
        higher_is_better: None where neither end is good.
        note: One line for the reader, such as how many items were left out.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    higher_is_better: bool | None = True
    note: str = ""

    @classmethod
    def of(cls, name: str, interval: Interval, n: int, **more: Any) -> Metric:
        """A metric from an estimate with its interval."""
        return cls(name, interval.estimate, interval.low, interval.high, n, **more)


@dataclass(frozen=True)
class Outcome:
    """The row of one model, baseline or control.

    Attributes:
        metrics: The task's main metric comes first.
        items: Column → one value for each item: the long table. Two rows of one task are compared by their
            column `item`, so it is there; `group` names what must be resampled together, `label` the truth,
            `score` what the main metric is computed from, `prediction` the class said.
        notes: What a reader of the numbers must know.
    """

    metrics: tuple[Metric, ...]
    items: Mapping[str, Column] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def main(self) -> Metric:
        """The task's main metric."""
        return self.metrics[0]

    def metric(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            KeyError: There is none.
        """
        for found in self.metrics:
            if found.name == name:
                return found
        raise KeyError(name)


def column(outcome: Outcome, name: str) -> NDArray[Any]:
    """A column of the items as an array."""
    return np.asarray(outcome.items[name])
