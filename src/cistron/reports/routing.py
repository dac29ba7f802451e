"""Expert routing as figures: which experts fire on which bases, and how specialised each layer is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cistron.formats.atomic import atomic_output
from cistron.inference.interpretation.routing_counts import Bounds, RoutingCounts
from cistron.reports.figures import (
    COLOURS,
    MARKERS,
    SMALL,
    TEXT,
    bare,
    new_figure,
    theme,
    to_svg,
    words,
)
from cistron.reports.page import document, facts, figure, tiles

MORE, LESS = COLOURS["s1"], COLOURS["s3"]
"""Colours of experts that a class uses more and less than expected."""

FULL: Final = 3.0
"""log2 enrichment from which a colour is fully opaque."""

_COLUMNS: Final = 2  # layers side by side
_LEFT, _RIGHT, _BETWEEN = 0.075, 0.99, 0.075  # of the figure's width
_ROW, _HEAD, _FOOT = 0.19, 0.3, 0.62  # inches


class RoutingRow(NamedTuple):
    """One expert on one class of bases; a row of the table that `cistron explain` writes.

    Attributes:
        layer: Number of the layer, 0-based.
        expert: Number of the expert, 0-based.
        bases: Bases of the class, on either strand.
        share: Part of the class's choices that fell on the expert.
        expected: The same of all bases for the classes A, C, G and T, else of bases composed like the class.
        log2_enrichment: log2 of their ratio; None where the class never chose the expert or has no bases.
        low: Lower bound of its 95 % interval; None where there are too few blocks.
        high: Upper bound.
    """

    layer: int
    expert: int
    name: str
    bases: int
    share: float | None
    expected: float | None
    log2_enrichment: float | None
    low: float | None
    high: float | None


def routing_rows(counts: RoutingCounts, bounds: Bounds) -> Iterator[RoutingRow]:
    """Yield layer by layer, expert by expert, class by class."""
    bases = counts.bases
    for layer, expert, number in np.ndindex(counts.shares.shape):
        place = layer, expert, number
        of_class = (counts.shares, counts.expected, counts.enrichment, bounds.low, bounds.high)
        share, expected, enrichment, low, high = (_known(float(table[place])) for table in of_class)
        yield RoutingRow(
            layer,
            expert,
            counts.classes[number],
            int(bases[number]),
            share,
            expected,
            enrichment,
            low,
            high,
        )


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def routing_section(counts: RoutingCounts, bounds: Bounds) -> str:
    """HTML of a report's section on routing: heading, numbers, both figures."""
    shown = _shown(counts)
    heat = routing_svg(counts, bounds, shown)
    text = (
        "One panel a layer; a cell gives the part of a class's choices, in percent, that an expert gets. "
        "Colour: more (orange) or less (blue) than expected, fully opaque at eight times. Expected of A, C, "
        "G and T, the base that was just read on either strand: the share among all bases. Of other classes: "
        "the share among bases of the same composition. Bold: the 95 % interval of the ratio, from drawing "
        "blocks of the region, leaves out 1."
    )
    spread = (
        "Distance between the experts that a class uses and those expected of it: 0, the same; 1, none in "
        "common. High for A, C, G and T: the layer's experts part by base."
    )
    return "\n".join(
        [
            f"<h2>Which experts fire</h2>\n{_headline(counts)}",
            figure(heat, text),
            figure(specialisation_svg(counts, shown), spread),
        ]
    )


def write_routing_report(
    path: str | Path,
    counts: RoutingCounts,
    bounds: Bounds,
    *,
    title: str,
    model_facts: Mapping[str, str],
    run_facts: Mapping[str, str],
) -> None:
    """Write one self-contained HTML file about expert routing; the same arguments give the same bytes.

    Args:
        path: File to write; appears only when it is complete.
        counts: What was counted.
        bounds: Of the enrichment.
        title: Heading of the page.
        model_facts: What to say of the model, name → value.
        run_facts: What to say of the run.

    Raises:
        OutputError: The file cannot be written.
    """
    described = facts("Model", model_facts) + facts("Run", run_facts)
    body = f'{routing_section(counts, bounds)}\n<h2>Model and run</h2>\n<div class="facts">{described}</div>'
    page = document(title, "Cistron routing report", body, "Made by Cistron. For research use only.")
    with atomic_output(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _shown(counts: RoutingCounts) -> list[int]:
    """Classes with bases, but the first, which all others are compared with."""
    bases = counts.bases
    return [number for number in range(1, len(bases)) if bases[number]]


def _headline(counts: RoutingCounts) -> str:
    bases, ties = int(counts.bases[0]), counts.near_ties.sum(axis=0)
    choices = bases * len(counts.layers)
    part = 1e6 * int(ties.sum()) / choices if choices else 0.0
    return tiles(
        [
            ("Bases read", f"{bases:,}", "on the strands that were read"),
            ("Experts", f"{counts.shares.shape[1]}", f"{counts.top_k[0]} of them for each base and layer"),
            (
                "Near-ties",
                f"{int(ties.sum()):,}",
                f"{part:,.0f} in a million choices closer than {counts.tolerance:g}",
            ),
        ]
    )


def routing_svg(counts: RoutingCounts, bounds: Bounds, shown: Sequence[int]) -> str:
    """Panels of experts against classes, one a layer, as SVG.

    Args:
        counts: What was counted.
        bounds: Of the enrichment.
        shown: Numbers of the classes to draw.
    """
    layers, experts = counts.shares.shape[:2]
    panel = _HEAD + _ROW * experts + _FOOT
    rows = -(-layers // _COLUMNS)
    with theme():
        drawing = new_figure(panel * rows)
        for layer in range(layers):
            axes = _panel(drawing, layer, experts, panel * rows)
            _draw_layer(axes, counts, bounds, layer, shown)
        names = ", ".join(counts.classes[number] for number in shown)
        text = f"Heat maps of expert use in {layers} layers, {experts} experts, for the classes {names}."
        return to_svg(drawing, "experts", text)


def _panel(drawing: Figure, layer: int, experts: int, total: float) -> Axes:
    width = (_RIGHT - _LEFT - (_COLUMNS - 1) * _BETWEEN) / _COLUMNS
    row, column = divmod(layer, _COLUMNS)
    top = total - row * (_HEAD + _ROW * experts + _FOOT) - _HEAD
    height = _ROW * experts
    return drawing.add_axes(
        (_LEFT + column * (width + _BETWEEN), (top - height) / total, width, height / total)
    )


def _draw_layer(axes: Axes, counts: RoutingCounts, bounds: Bounds, layer: int, shown: Sequence[int]) -> None:
    for column, number in enumerate(shown):
        for expert in range(counts.shares.shape[1]):
            place = layer, expert, number
            ratio = float(np.clip(np.nan_to_num(counts.enrichment[place], neginf=-FULL), -FULL, FULL))
            cell = Rectangle((column - 0.5, expert - 0.5), 1, 1, facecolor=MORE if ratio > 0 else LESS)
            cell.set(alpha=round(abs(ratio) / FULL, 2), linewidth=0)
            axes.add_patch(cell)
            clear = bounds.low[place] > 0 or bounds.high[place] < 0
            text = f"{100 * counts.shares[place]:.0f}"
            weight, colour = ("bold", COLOURS["ink"]) if clear else ("normal", COLOURS["muted"])
            axes.text(
                column, expert, text, ha="center", va="center", fontsize=SMALL, weight=weight, color=colour
            )
    axes.set_xlim(-0.5, len(shown) - 0.5)
    axes.set_ylim(counts.shares.shape[1] - 0.5, -0.5)
    names = [words(counts.classes[number]) for number in shown]
    axes.set_xticks(range(len(shown)), names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(counts.shares.shape[1]))
    axes.tick_params(length=0, labelsize=SMALL, pad=2)
    axes.set_title(f"layer {layer_number(counts.layers[layer], layer)}", fontsize=TEXT, loc="left")
    axes.set_ylabel("expert", fontsize=SMALL)
    for spine in axes.spines.values():
        spine.set_color(COLOURS["rule"])


def layer_number(name: str, place: int) -> int:
    """The number in a module's name, 3 of `model.layers.3.block_sparse_moe`; its place without one."""
    found = re.search(r"\.(\d+)\.", name)
    return int(found[1]) if found else place


def specialisation_svg(counts: RoutingCounts, shown: Sequence[int]) -> str:
    """Specialisation against layer, a line for each class, as SVG."""
    names = [counts.classes[number] for number in shown]
    with theme():
        drawing = new_figure(2.3)
        axes = drawing.add_axes((0.075, 0.31, 0.915, 0.63))
        numbers = [layer_number(name, place) for place, name in enumerate(counts.layers)]
        for place, (name, number) in enumerate(zip(names, shown, strict=True)):
            again, turn = divmod(place, len(MARKERS))
            axes.plot(
                numbers,
                counts.specialisation[:, number],
                color=COLOURS[f"s{turn + 1}"],
                marker=MARKERS[turn],
                markersize=4,
                linewidth=1.1,
                linestyle=("-", "--", ":")[min(again, 2)],
                label=words(name),
            )
        axes.set_ylim(0, None)
        axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
        axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.5)
        axes.set_xlabel("layer")
        axes.set_ylabel("distance from expected")
        bare(axes, "bottom", "left")
        drawing.legend(loc="lower center", ncols=9, frameon=False, fontsize=SMALL, columnspacing=1.2)
        return to_svg(drawing, "spread", "Lines of specialisation against layer, one for each class.")
