"""The figure of llr along the genome: labelled lollipops over a gene, or a scatter plot of many alleles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cistron.genome.annotation import GeneModel
from cistron.reports.figures import COLOURS, SMALL, WIDTH, Style, bare, legend, new_figure, theme, to_svg
from cistron.reports.gene_track import draw_genes, draw_overview
from cistron.reports.summary import ReportRow

LOLLIPOPS = 60
NAMED = 14  # lowest alleles that a scatter plot names
LANES = 4  # genes drawn below
LEFT, RIGHT = 0.08, 0.985  # of the figure's width
GAP = 8.7 / 72 / (WIDTH * (RIGHT - LEFT))  # between labels side by side, as a share of the axes' width
MAIN, LANE, RAIL = 2.5, 0.24, 0.26  # inches


@dataclass(frozen=True, slots=True)
class Dot:
    """An allele to draw; `x` is its position, counted through where there are several contigs."""

    x: float
    llr: float
    text: str
    category: str


@dataclass(frozen=True, slots=True)
class Panels:
    """The axes of the figure; `genes` and `overview` are None when there is nothing to draw in them."""

    figure: Figure
    main: Axes
    rail: Axes
    genes: Axes | None
    overview: Axes | None


def landscape_figure(
    rows: Sequence[ReportRow],
    contigs: Mapping[str, int],
    genes: Sequence[GeneModel],
    chosen: Mapping[str, Style],
    *,
    by_label: bool,
) -> str:
    """The figure of llr against position.

    Args:
        rows: Scored alleles, at least one, in any order; up to `LOLLIPOPS` are drawn as labelled lollipops.
        contigs: Contig → its last position; those of `rows`, in the order to draw.
        genes: Genes to draw below when the alleles lie on one contig; those in view are taken.
        chosen: Category → style.
        by_label: Whether a row's category is its label or its class.
    """
    offsets = dict(zip(contigs, np.cumsum([0, *contigs.values()]).tolist(), strict=False))
    dots = sorted(
        (
            Dot(offsets[r.chrom] + r.pos, r.llr, name_of(r), r.label if by_label else r.group)
            for r in rows
            if r.llr is not None
        ),
        key=lambda dot: (dot.x, dot.llr, dot.text),
    )
    few = len(dots) <= LOLLIPOPS
    lowest = sorted(dots, key=lambda dot: dot.llr)
    named = dots if few else sorted(lowest[:NAMED], key=lambda dot: dot.x)
    single = next(iter(contigs)) if len(contigs) == 1 else ""
    local = [gene for gene in genes if gene.chrom == single]
    low, high = view(dots, local) if single else (0.0, float(sum(contigs.values())))
    local = [gene for gene in local if gene.start < high and gene.end > low][:LANES]
    with theme():
        panels = _panels(named, local, low, high)
        _draw_dots(panels.main, dots, chosen, few)
        _draw_labels(panels, named, few)
        if panels.genes is not None:
            draw_genes(panels.genes, local)
        if panels.overview is not None:
            draw_overview(panels.overview, max(local, key=lambda gene: gene.end - gene.start), low, high)
        if single:
            _position_axis(panels.genes or panels.main, single)
        else:
            _contig_axis(panels.main, contigs, offsets)
        legend(panels.figure, chosen, [dot.category for dot in dots])
        kind, where = ("Lollipop" if few else "Scatter"), single or f"{len(contigs)} contigs"
        text = (
            f"{kind} plot of llr against position on {where}, {len(dots):,} alleles. "
            f"Lowest: {lowest[0].text}, {lowest[0].llr:+.2f} nats."
        )
        return to_svg(panels.figure, "along", text)


def name_of(row: ReportRow) -> str:
    """What to call a variant in little room: its name without `p.`, or position and alleles."""
    if row.name:
        text = row.name.removeprefix("p.")
        return text if len(text) <= 16 else text[:15] + "…"
    ref, alt = (allele if len(allele) <= 3 else f"{len(allele)}bp" for allele in (row.ref, row.alt))
    return f"{row.pos} {ref}>{alt}"


def view(dots: Sequence[Dot], genes: Sequence[GeneModel]) -> tuple[float, float]:
    """First and last position to show: all dots, and their coding exons if these are not much wider."""
    first, last = dots[0].x, dots[-1].x
    low, high = first, last
    for gene in genes:
        for start, end in gene.cds:
            if start < last and end > first:
                low, high = min(low, start + 1), max(high, end)
    if high - low > 3 * (last - first) + 3:
        low, high = first, last
    margin = 0.02 * (high - low) + 1
    return low - margin, high + margin


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart between `low` and `high`, as near to `wanted` as least squares allows.

    `wanted` is ascending, and so is the answer. Neighbours that would collide are pooled, as in isotonic
    regression.
    """
    pools: list[tuple[float, int]] = []  # mean, size
    for number, place in enumerate(wanted):
        mean, size = place - number * gap, 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    top = max(low, high - (len(wanted) - 1) * gap)
    places = [min(max(mean, low), top) for mean, size in pools for _ in range(size)]
    return [place + number * gap for number, place in enumerate(places)]


def _panels(named: Sequence[Dot], genes: Sequence[GeneModel], low: float, high: float) -> Panels:
    """Axes stacked from top to bottom, sized in inches, all but the overview sharing x."""
    beyond = [gene for gene in genes if gene.start + 1 < low or gene.end > high]
    head = 0.1 + max((len(dot.text) for dot in named), default=0) * SMALL * 0.62 / 72
    heights = {
        "rail": RAIL,
        "main": MAIN,
        "genes": 0.1 + LANE * len(genes) if genes else 0,
        "axis": 0.5,
        "overview": 0.34 if beyond else 0,
        "legend": 0.32,
    }
    total = head + sum(heights.values())
    figure = new_figure(total)
    axes: dict[str, Axes] = {}
    top = total - head
    for name, height in heights.items():
        top -= height
        if height and name not in ("axis", "legend"):
            box = (LEFT, top / total, RIGHT - LEFT, height / total)
            share = None if name in ("rail", "overview") else axes.get("rail")
            axes[name] = figure.add_axes(box, sharex=share)
    axes["rail"].set_xlim(low, high)
    return Panels(figure, axes["main"], axes["rail"], axes.get("genes"), axes.get("overview"))


def _draw_dots(main: Axes, dots: Sequence[Dot], chosen: Mapping[str, Style], few: bool) -> None:
    main.axhline(0, color=COLOURS["muted"], linewidth=0.8, zorder=1)
    counts = Counter(dot.category for dot in dots)
    for name, _ in counts.most_common():  # rare ones last, on top
        style, own = chosen[name], [dot for dot in dots if dot.category == name]
        if few:
            stems = [((dot.x, 0), (dot.x, dot.llr)) for dot in own]
            main.add_collection(LineCollection(stems, colors=style.colour, linewidths=1.1, zorder=2))
        main.scatter(
            [dot.x for dot in own],
            [dot.llr for dot in own],
            s=30 if few else 11,
            marker=style.marker,
            color=style.colour,
            edgecolors=COLOURS["paper"],
            linewidths=0.6 if few else 0.25,
            zorder=3,
        )
    main.margins(y=0.07)
    main.grid(axis="y", color=COLOURS["rule"], linewidth=0.5)
    main.set_axisbelow(True)
    main.set_ylabel("llr (nats)")
    main.tick_params(axis="x", length=0, labelbottom=False)
    main.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    bare(main, "left")


def _draw_labels(panels: Panels, named: Sequence[Dot], few: bool) -> None:
    """Names above the plot, spread so that none covers another, each led to its dot by a thin line."""
    rail = panels.rail
    low, high = rail.get_xlim()
    gap = GAP * (high - low)
    rail.set_ylim(0, 1)
    rail.set_axis_off()
    ceiling = panels.main.get_ylim()[1]
    places = spread([dot.x for dot in named], gap, low + gap / 2, high - gap / 2)
    for dot, place in zip(named, places, strict=True):
        rail.plot((place, place, dot.x), (0.97, 0.8, 0), color=COLOURS["s0"], linewidth=0.45, clip_on=False)
        rail.text(place, 1.05, dot.text, rotation=90, ha="center", va="bottom", fontsize=SMALL, clip_on=False)
        foot = max(dot.llr, 0) if few else dot.llr
        panels.main.plot(
            (dot.x, dot.x), (foot, ceiling), color=COLOURS["rule"], linewidth=0.45, zorder=0, scaley=False
        )


def _position_axis(axes: Axes, contig: str) -> None:
    bare(axes, "bottom", *(["left"] if axes.get_yticks().size else []))
    axes.tick_params(axis="x", length=3, labelbottom=True)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.set_xlabel(f"position on {contig} (1-based)")


def _contig_axis(main: Axes, contigs: Mapping[str, int], offsets: Mapping[str, int]) -> None:
    """Alternating bands with the names of those contigs that have room for one."""
    total = sum(contigs.values())
    for number, (name, length) in enumerate(contigs.items()):
        if number % 2:
            main.axvspan(offsets[name], offsets[name] + length, color=COLOURS["band"], linewidth=0, zorder=-1)
    middles, names, free = [], [], 0.0
    for name, length in contigs.items():
        middle, half = offsets[name] + length / 2, 0.0055 * total * len(name.removeprefix("chr"))
        if middle - half >= free:
            middles.append(middle)
            names.append(name.removeprefix("chr"))
            free = middle + half
    main.set_xticks(middles, names)
    main.tick_params(axis="x", length=0, labelbottom=True)
    main.set_xlabel("contig")
