"""Drawing for reports: colours, markers, SVG that follows the page's light or dark theme, llr by class."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from cistron.reports.summary import OTHER

# Every colour is a stand-in that `to_svg` exchanges for the page's CSS variable of that name.
COLOURS = {
    "ink": "#16191d",
    "muted": "#5b626b",
    "rule": "#d4d8dd",
    "band": "#eef0f2",
    "paper": "#fefefe",
    "s0": "#868e97",
    "s1": "#d55e00",
    "s2": "#e69f00",
    "s3": "#0072b2",
    "s4": "#009e73",
    "s5": "#cc79a7",
    "s6": "#56b4e9",
    "s7": "#7a5195",
}
MARKERS = "osD^vPX"
NEUTRAL = frozenset({"", "uncertain", "unknown", OTHER})
WIDTH = 9.2  # inches
SMALL, TEXT = 7.0, 8.0  # points
STRIP = 200  # points drawn per class
RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cistron",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.family": "sans-serif",
    "font.size": TEXT,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.linewidth": 0.6,
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a category is drawn; the marker says the same as the colour for those who do not see the colour."""

    colour: str
    marker: str


def styles(categories: Iterable[str]) -> dict[str, Style]:
    """A style for each category, in alphabetical order; catch-alls and what exceeds the palette are grey.

    The palette is safe for the common kinds of colour blindness.
    Source: Okabe and Ito 2002, Color Universal Design (black and yellow left out).
    """
    names = sorted(set(categories))
    palette = iter(enumerate(MARKERS, start=1))
    chosen = {}
    for name in names:
        number, marker = (0, "o") if name in NEUTRAL else next(palette, (0, "o"))
        chosen[name] = Style(COLOURS[f"s{number}"], marker)
    return chosen


def words(category: str) -> str:
    """A category as people write it: `high_penetrance` → `high penetrance`."""
    return category.replace("_", " ") or "none"


def theme() -> AbstractContextManager[None]:
    """Settings under which every figure is drawn and written; restored on leaving."""
    return mpl.rc_context(RC)


def new_figure(height: float) -> Figure:
    """An empty figure of the page's width and `height` inches, detached from pyplot."""
    return Figure(figsize=(WIDTH, height))


def to_svg(figure: Figure, prefix: str, description: str) -> str:
    """`figure` as an SVG element to put into a page.

    Args:
        figure: What to draw.
        prefix: Put before every id, so that two figures fit into one page.
        description: Said to those who do not see the figure.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # The reader's browser sets the text, so a glyph that is missing here is not missing there.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # HTML knows both namespaces without their addresses.
    svg = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    label = f'<svg role="img" aria-label="{escape(description)}"'
    return re.sub(r'^<svg width="[^"]*" height="[^"]*"', label, svg).strip()


def bare(axes: Axes, *keep: str) -> None:
    """Hide the frame of `axes` except the sides to `keep`."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)


def legend(figure: Figure, chosen: Mapping[str, Style], categories: Sequence[str]) -> None:
    """Draw what the markers mean along the bottom edge of `figure`."""
    handles = [
        Line2D(
            [], [], linestyle="none", marker=style.marker, color=style.colour, markersize=5, label=words(name)
        )
        for name, style in chosen.items()
        if name in categories
    ]
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=min(len(handles), 7),
        frameon=False,
        fontsize=TEXT,
        handletextpad=0.2,
        columnspacing=1.4,
        borderaxespad=0.2,
    )


def class_figure(
    groups: Mapping[str, Sequence[float]], counts: Mapping[str, int], chosen: Mapping[str, Style]
) -> str:
    """The figure of llr by class: one line each, lowest median on top, dots before a box of the quartiles.

    Args:
        groups: Class → its llr in nats, at least one each.
        counts: Class → how many alleles `groups` stands for.
        chosen: Class → style.
    """
    order = sorted(groups, key=lambda name: (float(np.median(groups[name])), name))
    with theme():
        figure = new_figure(0.6 + 0.4 * len(order))
        inch = 1 / figure.get_figheight()
        axes = figure.add_axes((0.19, 0.45 * inch, 0.79, 1 - 0.5 * inch))
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.8, zorder=0)
        for row, name in enumerate(order):
            _class_row(axes, row, np.asarray(groups[name], dtype=np.float64), chosen[name])
        axes.set_yticks(range(len(order)), [f"{words(name)}  (n = {counts[name]:,})" for name in order])
        axes.set_ylim(len(order) - 0.45, -0.55)
        axes.margins(x=0.03)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=COLOURS["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("llr (nats);  ← less plausible than the reference")
        bare(axes, "bottom")
        medians = ", ".join(f"{words(name)} {np.median(groups[name]):+.2f}" for name in order)
        return to_svg(figure, "class", f"Box and strip plot of llr by class. Medians in nats: {medians}.")


def _class_row(axes: Axes, row: int, values: np.ndarray, style: Style) -> None:
    """Draw one class: a box where there are five alleles or more, and at most about `STRIP` dots."""
    if len(values) >= 5:
        low, middle, high = np.percentile(values, [25, 50, 75])
        fence = 1.5 * (high - low)
        ends = values[values >= low - fence].min(), values[values <= high + fence].max()
        axes.plot(ends, (row, row), color=COLOURS["muted"], linewidth=0.8, zorder=1)
        box = Rectangle((low, row - 0.26), high - low, 0.52, facecolor=style.colour, alpha=0.22, linewidth=0)
        axes.add_patch(box)
        axes.plot((middle, middle), (row - 0.26, row + 0.26), color=COLOURS["ink"], linewidth=1.4, zorder=3)
    shown = values[:: max(1, -(-len(values) // STRIP))]
    # Steps of the golden ratio spread dots evenly at any count, and the same way every time.
    heights = row + 0.36 * ((np.arange(len(shown)) * 0.6180339887 + 0.5) % 1 - 0.5)
    axes.scatter(
        shown,
        heights,
        s=28 if len(shown) < 60 else 9,
        marker=style.marker,
        color=style.colour,
        edgecolors=COLOURS["paper"],
        linewidths=0.4,
        alpha=0.9,
        zorder=2,
    )
