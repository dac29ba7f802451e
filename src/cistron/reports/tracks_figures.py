"""Figures of measured against predicted coverage: bins by their density, genes one by one."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Int
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.ticker import FuncFormatter, NullLocator

from cistron.metrics.tracks_genes import OUTLIER, GeneTotals, outliers
from cistron.metrics.tracks_sums import Density
from cistron.reports.figures import COLOURS, SMALL, bare, new_figure, theme, to_svg

_CELLS: Final = 20
"""Rows and columns that are drawn beside that of zero."""

_NAMED: Final = 12
_HEIGHT: Final = 3.6  # inches


def density_figure(density: Density, name: str, prefix: str) -> str:
    """An SVG of log10 of measured (across) and predicted means of bins; zeros stand at the left and below.

    Cells are the classes of values, each with about equally many bins in its row and its column: without any
    agreement all cells would be alike.

    Args:
        density: Counts by class of values.
        name: Of the prediction.
        prefix: Unique in the page.
    """
    rows, columns = (_cells(len(lowest)) for lowest in (density.measured, density.predicted))
    counts = np.add.reduceat(np.add.reduceat(density.counts, rows), columns, axis=1).T
    across, up = _edges(density.measured[rows]), _edges(density.predicted[columns])
    with theme():
        figure = new_figure(_HEIGHT)
        axes = figure.add_axes((0.09, 0.14, 0.5, 0.83))
        shades = LinearSegmentedColormap.from_list("bins", [COLOURS["band"], COLOURS["s3"]])
        norm = LogNorm(1, max(int(counts.max()), 2))
        shown = np.ma.masked_equal(counts, 0)
        mesh = axes.pcolormesh(across, up, shown, cmap=shades, norm=norm, rasterized=True)
        low, high = max(across[0], up[0]), min(across[-1], up[-1])
        axes.plot((low, high), (low, high), color=COLOURS["muted"], linewidth=0.8)
        axes.set_xlabel("log10 measured; leftmost: none")
        axes.set_ylabel(f"log10 {name}")
        bare(axes, "left", "bottom")
        bar = figure.colorbar(mesh, cax=figure.add_axes((0.63, 0.14, 0.02, 0.83)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.set_label("bins")
        bar.outline.set_visible(False)
        return to_svg(figure, prefix, f"Density of bins by measured signal and {name}.")


def _cells(classes: int) -> Int[np.ndarray, "C"]:
    """First class of each cell; zero is a cell of its own."""
    begin = np.unique(np.linspace(1, classes, _CELLS + 1).astype(np.int64)[:-1])
    return np.concatenate(([0], begin[begin < classes]))


def _edges(lowest: Float[np.ndarray, "K"]) -> Float[np.ndarray, "K1"]:
    """Edges of the cells on a log10 scale: zero, and the open ends, get a strip of their own."""
    # The class above zero begins at the least number there is; it gets a strip below the next one.
    inner = np.log10(lowest[2:]) if len(lowest) > 2 else np.zeros(1)
    strip = max(0.04 * float(np.ptp(inner)), 0.01)
    edges = [inner[0] - 2 * strip, inner[0] - strip, *inner, inner[-1] + strip]
    return np.array(edges[: len(lowest) + 1])


def gene_figure(genes: GeneTotals, name: str, prefix: str) -> str:
    """An SVG of log2(1 + total) of each gene, measured (across) and predicted, the outliers named.

    Args:
        genes: Totals.
        name: Of the prediction.
        prefix: Unique in the page.
    """
    measured, predicted = genes.totals[""], genes.totals[name]
    apart = outliers(measured, predicted)
    far = np.abs(apart) > OUTLIER
    x, y = np.log2(1 + measured), np.log2(1 + predicted)
    with theme():
        figure = new_figure(_HEIGHT)
        axes = figure.add_axes((0.09, 0.14, 0.86, 0.83))
        axes.scatter(x[~far], y[~far], s=9, color=COLOURS["s3"], alpha=0.6, linewidths=0)
        axes.scatter(x[far], y[far], s=14, marker="D", color=COLOURS["s1"], linewidths=0)
        for place in np.argsort(-np.abs(np.nan_to_num(apart)), kind="stable")[:_NAMED]:
            if far[place]:
                axes.annotate(
                    genes.genes[place].name,
                    (x[place], y[place]),
                    textcoords="offset points",
                    xytext=(4, 2),
                    fontsize=SMALL,
                )
        axes.set_xlabel("log2(1 + measured total)")
        axes.set_ylabel(f"log2(1 + {name})")
        axes.grid(color=COLOURS["rule"], linewidth=0.5)
        axes.set_axisbelow(True)
        bare(axes, "left", "bottom")
        return to_svg(figure, prefix, f"Totals of {len(x):,} genes; {int(far.sum())} are far off.")
