"""Figures of an evaluation: a number with its interval for each row of a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cistron.reports.figures import COLOURS, bare, new_figure, theme, to_svg


class Mark(NamedTuple):
    """One line of the plot.

    Attributes:
        name: Of the row.
        kind: `model` is drawn in colour, everything else in grey.
        value: The estimate.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
    """

    name: str
    kind: str
    value: float
    low: float | None
    high: float | None


def interval_figure(marks: Sequence[Mark], metric: str, prefix: str) -> str:
    """An SVG with one line for each row, in the order given, and its value beside it.

    Args:
        marks: At least one.
        metric: Label of the axis.
        prefix: Unique in the page.
    """
    with theme():
        figure = new_figure(0.55 + 0.26 * len(marks))
        inch = 1 / figure.get_figheight()
        axes = figure.add_axes((0.3, 0.42 * inch, 0.6, 1 - 0.47 * inch))
        for row, mark in enumerate(marks):
            colour = COLOURS["s3"] if mark.kind == "model" else COLOURS["s0"]
            low, high = (mark.value if end is None else end for end in (mark.low, mark.high))
            axes.plot((low, high), (row, row), color=colour, linewidth=1.6, solid_capstyle="butt")
            axes.plot(
                mark.value, row, marker="o" if mark.kind == "model" else "s", color=colour, markersize=5
            )
            axes.annotate(
                f"{mark.value:.3f}",
                (1.015, row),
                xycoords=("axes fraction", "data"),
                va="center",
                annotation_clip=False,
            )
        axes.set_yticks(range(len(marks)), [mark.name for mark in marks])
        axes.set_ylim(len(marks) - 0.4, -0.6)
        axes.margins(x=0.04)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=COLOURS["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel(metric)
        bare(axes, "bottom")
        told = ", ".join(f"{mark.name} {mark.value:.3f}" for mark in marks)
        return to_svg(figure, prefix, f"{metric} with intervals. {told}.")
