"""A strip of intervals small enough for a cell of the overview: all models of a task on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cistron.reports.evaluation_tasks import MetricCell, ReportedRow

COLOURED: Final = ("s3", "s1", "s4", "s5", "s2", "s7", "s6")
"""Colours of the page that models have, in their order; grey is everything else."""

_WIDTH, _LINE, _EDGE = 192, 9, 5


def interval_strip(rows: Sequence[tuple[ReportedRow, str]]) -> str:
    """An SVG with a line for each row that has a main metric, the better end at the right; empty without any.

    Args:
        rows: Pairs of a row and its colour.
    """
    known = [
        (row, row.metrics[0], colour)
        for row, colour in rows
        if row.metrics and row.metrics[0].value is not None
    ]
    if not known:
        return ""
    ends = [end for _, cell, _ in known for end in _ends(cell)]
    worst, best = min(ends), max(ends)
    if known[0][1].higher_is_better is False:
        worst, best = best, worst

    def place(value: float) -> float:
        return _EDGE + (value - worst) / ((best - worst) or 1.0) * (_WIDTH - 2 * _EDGE)

    lines = "".join(
        _line(number, [place(end) for end in _ends(cell)], colour)
        for number, (_, cell, colour) in enumerate(known)
    )
    told = "; ".join(f"{row.name} {cell.value:.3f}" for row, cell, _ in known)
    height = _LINE * len(known) + 2
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(told)}">{lines}</svg>'


def _ends(cell: MetricCell) -> tuple[float, float, float]:
    """Estimate, and both ends of its interval; the estimate where there is none."""
    assert cell.value is not None
    low, high = (cell.value if end is None else end for end in (cell.low, cell.high))
    return cell.value, low, high


def _line(number: int, places: Sequence[float], colour: str) -> str:
    value, low, high = places
    middle = _LINE * (number + 0.5) + 1
    paint = f"var(--{colour})"
    return (
        f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}" style="stroke:{paint};stroke-width:2"/>'
        f'<circle cx="{value:.1f}" cy="{middle:.1f}" r="3" style="fill:{paint}"/>'
    )
