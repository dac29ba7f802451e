"""Figures of the experiments, made from the long tables of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.evals.outcome import Metric, Outcome, column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES: Final = ("s3", "s1", "s0", "s4", "s7", "s2", "s5", "s6")
"""Colours of the rows, in order, by the names that reports have for them."""

SHUFFLED: Final = "scores shuffled"
"""Name of the control whose scores were dealt out anew."""

_RESAMPLES: Final = 400


def profile_figure(rows: Mapping[str, Outcome], landmark: str, title: str) -> Figure:
    """Mean llr at each place around a landmark with a 95 % band from resampling genes, one line a row."""
    return profile_panels({title: rows}, landmark)


def profile_panels(panels: Mapping[str, Mapping[str, Outcome]], landmark: str) -> Figure:
    """Profiles of several genomes side by side.

    Args:
        panels: Title → rows by name; the rows have the same names in each.
        landmark: What place 0 is.
    """
    figure, axes = _axes(len(panels), (max(6.4, 3.4 * len(panels)), 3.4))
    for panel, (title, rows) in zip(axes, panels.items(), strict=True):
        for (name, outcome), colour in zip(rows.items(), _cycled(len(rows)), strict=True):
            _draw_profile(panel, name, outcome, colour)
        panel.axhline(0, color=_colour("rule"), linewidth=0.6, zorder=0)
        panel.set_title(title)
        panel.set_xlabel(f"bases from {landmark}")
    axes[0].set_ylabel("mean llr (nats)")
    _legend_below(figure, axes[0])
    return figure


def _draw_profile(panel: Axes, name: str, outcome: Outcome, colour: str) -> None:
    """A line with its band; a control is dotted and has none, so that it does not hide the models."""
    places, mean, low, high = place_bands(outcome)
    if name.endswith(SHUFFLED):
        panel.plot(places, mean, color=colour, label=name, linewidth=0.9, linestyle=":")
    else:
        panel.plot(places, mean, color=colour, label=name, linewidth=1.4)
        panel.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)


def profile_heat_map(panels: Mapping[str, Mapping[str, Outcome]], landmark: str) -> Figure:
    """The same as `profile_panels` in colour: a line for each genome and row, a column for each place."""
    lines = [
        (f"{title}, {name}", place_bands(o)) for title, rows in panels.items() for name, o in rows.items()
    ]
    places = lines[0][1][0]
    means = np.full((len(lines), len(places)), np.nan)
    for number, (_, (found, mean, _, _)) in enumerate(lines):
        means[number, np.isin(places, found)] = mean[np.isin(found, places)]
    figure, axes = _axes(1, (7.2, 0.26 * len(lines) + 1.1))
    most = float(np.nanmax(np.abs(means)))
    extent = (places[0] - 0.5, places[-1] + 0.5, len(lines) - 0.5, -0.5)
    image = axes[0].imshow(means, cmap="RdBu", vmin=-most, vmax=most, aspect="auto", extent=extent)
    axes[0].set_yticks(range(len(lines)), [name for name, _ in lines])
    axes[0].set_xlabel(f"bases from {landmark}")
    figure.colorbar(image, ax=axes[0], label="mean llr (nats)")
    return figure


def class_figure(rows: Mapping[str, Outcome], kinds: Sequence[str], title: str) -> Figure:
    """Median and middle half of the llr of each class, one panel a row."""
    figure, axes = _axes(len(rows), (3.1 * len(rows), 0.42 * len(kinds) + 1.3))
    for panel, (name, outcome), colour in zip(axes, rows.items(), _cycled(len(rows)), strict=True):
        kind, llr = column(outcome, "kind"), column(outcome, "llr")
        for height, wanted in enumerate(reversed(kinds)):
            values = llr[kind == wanted]
            if len(values):
                low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
                panel.plot([low, high], [height, height], color=colour, linewidth=3, alpha=0.4)
                panel.plot(middle, height, "o", color=colour, markersize=5)
        panel.axvline(0, color=_colour("rule"), linewidth=0.6, zorder=0)
        panel.set_yticks(range(len(kinds)), list(reversed(kinds)) if panel is axes[0] else [""] * len(kinds))
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("llr (nats)")
    figure.suptitle(f"{title}: median and middle half", fontsize=10)
    return figure


def line_figure(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], labels: tuple[str, str], title: str
) -> Figure:
    """Named lines of (x, y).

    Args:
        lines: Name → x and y.
        labels: Of the two axes.
        title: Of the figure.
    """
    figure, axes = _axes(1, (6.4, 3.6))
    for (name, (x, y)), colour in zip(lines.items(), _cycled(len(lines)), strict=True):
        axes[0].plot(x, y, color=colour, label=name, linewidth=1.4, marker="o", markersize=3)
    axes[0].axhline(0, color=_colour("rule"), linewidth=0.6, zorder=0)
    axes[0].set(xlabel=labels[0], ylabel=labels[1], title=title)
    _legend_below(figure, axes[0])
    return figure


def scatter_figure(
    panels: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    labels: tuple[str, str],
    title: str,
) -> Figure:
    """Points of (x, y), one panel a name."""
    figure, axes = _axes(len(panels), (3.1 * len(panels), 3.2))
    for panel, (name, (x, y)), colour in zip(axes, panels.items(), _cycled(len(panels)), strict=True):
        panel.plot(x, y, ".", color=colour, markersize=2, alpha=0.4)
        panel.set_title(name, fontsize=9)
        panel.set_xlabel(labels[0])
    axes[0].set_ylabel(labels[1])
    figure.suptitle(title, fontsize=10)
    return figure


def place_bands(
    outcome: Outcome,
) -> tuple[NDArray[np.int64], Float[np.ndarray, "P"], Float[np.ndarray, "P"], Float[np.ndarray, "P"]]:
    """Places, and the mean llr at each over genes with the ends of its 95 % interval from resampling them."""
    place, llr = column(outcome, "place"), column(outcome, "llr")
    _, unit = np.unique(column(outcome, "group"), return_inverse=True)
    places, index = np.unique(place, return_inverse=True)
    shape = int(unit.max()) + 1, len(places)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (unit, index), llr)
    np.add.at(count, (unit, index), 1)
    means = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    draws = np.random.default_rng(0).integers(shape[0], size=(_RESAMPLES, shape[0]))
    known = np.isfinite(means)
    filled = np.where(known, means, 0.0)
    resampled = filled[draws].sum(axis=1) / np.maximum(known[draws].sum(axis=1), 1)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return places, filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1), low, high


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)


def _colour(name: str) -> str:
    """A colour of the report's palette, which follows its light or dark theme."""
    # Imported where used: the list of tasks is shown without loading matplotlib.
    from cistron.reports.figures import COLOURS

    return COLOURS[name]


def _cycled(count: int) -> list[str]:
    return [_colour(_LINES[number % len(_LINES)]) for number in range(count)]


def _axes(count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    found = figure.subplots(1, count, squeeze=False)[0]
    for panel in found:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, list(found)


def interval_figure(
    rows: Mapping[str, Sequence[Metric]], label: str, title: str, mark: float | None = None
) -> Figure:
    """Metrics with their intervals, one line a metric, the rows side by side.

    Args:
        rows: Name → the same metrics of each row.
        label: Of the value.
        title: Of the figure.
        mark: A value to draw a line at, such as chance.
    """
    names = [metric.name for metric in next(iter(rows.values()))]
    figure, axes = _axes(1, (6.4, 0.13 * len(names) * max(2, len(rows)) + 1.4))
    step = 0.8 / max(len(rows), 1)
    for number, ((name, metrics), colour) in enumerate(zip(rows.items(), _cycled(len(rows)), strict=True)):
        for line, metric in enumerate(reversed(metrics)):
            height = line + 0.4 - step * (number + 0.5)
            if metric.low is not None and metric.high is not None:
                axes[0].plot([metric.low, metric.high], [height, height], color=colour, linewidth=1.4)
            axes[0].plot(metric.value, height, "o", color=colour, markersize=4, label="" if line else name)
    if mark is not None:
        axes[0].axvline(mark, color=_colour("rule"), linewidth=0.8, zorder=0)
    axes[0].set_yticks(range(len(names)), names[::-1])
    axes[0].set_ylim(-0.6, len(names) - 0.4)
    axes[0].set(xlabel=label, title=title)
    _legend_below(figure, axes[0])
    return figure
