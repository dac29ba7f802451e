"""The figure of tracks over genes: one panel for each track, measured and predicted alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output
from cistron.genome import Interval
from cistron.genome.annotation import GeneModel
from cistron.reports.figures import COLOURS, TEXT, bare, new_figure, theme
from cistron.reports.gene_track import draw_genes

ENDINGS: Final = (".png", ".svg", ".pdf")
BINS: Final = 1200
LANES: Final = 8
"""Genes that are drawn; the widest ones where there are more."""

_LEFT, _WIDTH = 0.13, 0.82  # of the figure's width
_PANEL, _LANE, _AXIS, _GAP = 0.95, 0.2, 0.45, 0.16  # inches


def track_figure(
    tracks: Mapping[str, Float[np.ndarray, "L"]],
    place: Interval,
    genes: Sequence[GeneModel] = (),
    *,
    marks: Sequence[int] = (),
    scales: Sequence[int] = (),
    grey: str | None = None,
) -> Figure:
    """Panels of tracks above genes, under the report's theme.

    Where there are more bases than can be told apart, a panel shows means of equally many bases.

    Args:
        tracks: Name → value of each base of `place`; NaN where there is none. Negative values are drawn below
            the line.
        place: What is shown.
        genes: To draw below; of more than eight the widest.
        marks: Positions to mark by a line through all panels, 0-based.
        scales: One number for each track; those with the same share a scale. Empty: all share one.
        grey: The track to draw in grey, such as the measurement.
    """
    local = sorted(genes, key=lambda gene: gene.start - gene.end)[:LANES]
    local = sorted(local, key=lambda gene: gene.start)
    below = _LANE * len(local) + (_GAP if local else 0)
    height = len(tracks) * (_PANEL + _GAP) + below + _AXIS
    figure = new_figure(height)
    edges, shown = _binned(tracks, place)
    keys = scales or [0] * len(shown)
    top = height
    panels = []
    for key, (name, values) in zip(keys, shown.items(), strict=True):
        top -= _PANEL + _GAP
        axes = figure.add_axes((_LEFT, top / height, _WIDTH, _PANEL / height))
        axes.stairs(values, edges, fill=True, color=COLOURS["s0" if name == grey else "s3"])
        alike = [other for own, other in zip(keys, shown.values(), strict=True) if own == key]
        axes.set_ylim(_limits(alike))
        axes.set_title(name, loc="left", fontsize=TEXT, pad=2)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        panels.append(axes)
    if local:
        axes = figure.add_axes((_LEFT, _AXIS / height, _WIDTH, _LANE * len(local) / height))
        draw_genes(axes, [_cut(gene, place) for gene in local])
        panels.append(axes)
    _finish(panels, place, marks)
    return figure


def write_track_figure(
    path: Path,
    tracks: Mapping[str, Float[np.ndarray, "L"]],
    place: Interval,
    genes: Sequence[GeneModel] = (),
    *,
    marks: Sequence[int] = (),
    scales: Sequence[int] = (),
    grey: str | None = None,
    dpi: int = 200,
) -> None:
    """Write the figure as PNG, SVG or PDF on white, by the ending of `path`; see `track_figure`.

    Raises:
        OutputError: The ending is another one, or the file cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise OutputError(f"cannot write {path}: its name should end in {', '.join(ENDINGS)}")
    with theme(), atomic_output(path) as temporary:
        figure = track_figure(tracks, place, genes, marks=marks, scales=scales, grey=grey)
        undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(
            temporary, format=path.suffix[1:], dpi=dpi, facecolor="white", metadata=undated[path.suffix]
        )


def _binned(
    tracks: Mapping[str, Float[np.ndarray, "L"]], place: Interval
) -> tuple[Float[np.ndarray, "E"], dict[str, Float[np.ndarray, "N"]]]:
    """Edges, 1-based with each base p covering p ± 0.5, and the mean of each bin; NaN counts as nothing."""
    size = -(-len(place) // BINS)
    starts = np.arange(0, len(place), size)
    edges = np.append(starts, len(place)) + place.start + 0.5
    lengths = np.diff(edges)
    return edges, {
        name: np.add.reduceat(np.nan_to_num(values), starts) / lengths for name, values in tracks.items()
    }


def _limits(shown: Sequence[Float[np.ndarray, "N"]]) -> tuple[float, float]:
    """From zero or below to the highest value, with some room."""
    low, high = (float(edge([edge(values, initial=0.0) for values in shown])) for edge in (np.min, np.max))
    room = 0.04 * (high - low) or 1.0
    return low - (room if low < 0 else 0.0), high + room


def _cut(gene: GeneModel, place: Interval) -> GeneModel:
    """The part of a gene that is shown; one that passes by with an intron alone gets a base at the edge."""
    parts = [
        tuple(
            (max(start, place.start), min(end, place.end))
            for start, end in spans
            if start < place.end and place.start < end
        )
        for spans in (gene.exons, gene.cds)
    ]
    exons = parts[0] or ((max(gene.start, place.start), max(gene.start, place.start) + 1),)
    return GeneModel(gene.name, gene.chrom, gene.strand, exons, parts[1])


def _finish(panels: Sequence[Axes], place: Interval, marks: Sequence[int]) -> None:
    """Give all panels one axis of positions, which the lowest shows."""
    for axes in panels:
        lowest = axes is panels[-1]
        axes.set_xlim(place.start + 0.5, place.end + 0.5)
        for mark in marks:
            axes.axvline(mark + 1, color=COLOURS["s1"], linewidth=0.8, zorder=3)
        bare(axes, *(["left"] if axes.get_yticks().size else []), *(["bottom"] if lowest else []))
        axes.tick_params(axis="x", length=3 if lowest else 0, labelbottom=lowest)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    panels[-1].set_xlabel(f"position on {place.chrom} (1-based)")
