"""The figure of a saturation mutagenesis from afar: how much each position of the region matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float64
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cistron.genome.annotation import GeneModel, Span
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.reports.figures import COLOURS, bare, new_figure, theme, to_svg
from cistron.reports.gene_track import draw_genes

BINS: Final = 900
_LEFT, _WIDTH = 0.085, 0.885  # of the figure's width
_MAIN, _LANE, _AXIS = 1.7, 0.24, 0.5  # inches
_LANES: Final = 4  # genes drawn below


def effect_track_svg(found: MutationMap, shown: Sequence[Span] = (), genes: Sequence[GeneModel] = ()) -> str:
    """The figure of −mean llr against position, as SVG; the highest of each bin in long regions.

    Args:
        found: Scores.
        shown: Stretches to shade, 0-based half-open: those that the heat map shows.
        genes: Genes to draw below, those in view.
    """
    local = [g for g in genes if g.chrom == found.chrom and g.start < found.end and found.start < g.end]
    local = local[:_LANES]
    below = _LANE * len(local) + (0.1 if local else 0)
    height = _MAIN + below + _AXIS + 0.1
    with theme():
        figure = new_figure(height)
        main = figure.add_axes((_LEFT, (_AXIS + below) / height, _WIDTH, _MAIN / height))
        for start, end in shown:
            main.axvspan(start + 0.5, end + 0.5, color=COLOURS["s2"], alpha=0.22, linewidth=0, zorder=0)
        edges, high, low = binned(found.importance, found.start, BINS)
        main.stairs(high, edges, baseline=low, fill=True, color=COLOURS["s3"], zorder=2)
        main.axhline(0, color=COLOURS["muted"], linewidth=0.6, zorder=3)
        main.set_xlim(found.start + 0.5, found.end + 0.5)
        main.set_ylabel("−mean llr (nats)")
        main.yaxis.set_major_locator(MaxNLocator(5))
        bare(main, "left")
        lowest = main
        if local:
            lowest = figure.add_axes((_LEFT, _AXIS / height, _WIDTH, below / height), sharex=main)
            main.tick_params(axis="x", length=0, labelbottom=False)
            draw_genes(lowest, local)
        bare(lowest, "bottom", *(["left"] if not local else []))
        lowest.xaxis.set_major_locator(MaxNLocator(7, integer=True, steps=[1, 2, 5, 10]))
        lowest.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        lowest.set_xlabel(f"position on {found.chrom} (1-based)")
        return to_svg(figure, "track", _description(found))


def binned(
    values: Float64[np.ndarray, "L"], start: int, most: int
) -> tuple[Float64[np.ndarray, "N1"], Float64[np.ndarray, "N"], Float64[np.ndarray, "N"]]:
    """Edges, 1-based with each base p covering p ± 0.5, and the highest and lowest of each bin, including 0.

    Args:
        values: By position; NaN counts as 0.
        start: First position, 0-based.
        most: Bins at most; each holds equally many positions but the last.
    """
    size = max(1, -(-len(values) // most))
    number = -(-len(values) // size)
    padded = np.zeros(number * size)
    padded[: len(values)] = np.nan_to_num(values)
    cells = padded.reshape(number, size)
    edges = np.minimum(np.arange(number + 1) * size, len(values)) + start + 0.5
    return edges, cells.max(axis=1, initial=0.0), cells.min(axis=1, initial=0.0)


def _description(found: MutationMap) -> str:
    values = found.importance
    if not np.isfinite(values).any():
        return f"No position of {found.chrom} has a score."
    best = int(np.nanargmax(values))
    return (
        f"Bars of −mean llr at {len(found.bases):,} positions of {found.chrom}. "
        f"Highest: {found.start + best + 1:,}, {values[best]:.2f} nats."
    )
