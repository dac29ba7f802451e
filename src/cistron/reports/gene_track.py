"""Genes below a plot: introns as a line, exons as thin boxes, coding sequence as thick ones."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cistron.genome.annotation import GeneModel
from cistron.reports.figures import COLOURS, SMALL


def draw_genes(axes: Axes, genes: Sequence[GeneModel]) -> None:
    """Draw each gene in a lane of its own, named at the left with its reading direction; x is 1-based."""
    for lane, gene in enumerate(genes):
        _gene(axes, gene, -lane)
        text = f"{gene.name} →" if gene.strand == "+" else f"← {gene.name}"
        place = axes.get_yaxis_transform()
        axes.text(-0.008, -lane, text, transform=place, ha="right", va="center", fontstyle="italic")
    axes.set_ylim(0.6 - len(genes), 0.6)
    axes.set_yticks([])


def draw_overview(axes: Axes, gene: GeneModel, low: float, high: float) -> None:
    """Draw the whole gene in one line and shade positions `low` to `high`."""
    margin = 0.01 * (gene.end - gene.start)
    axes.set_xlim(min(low, gene.start - margin), max(high, gene.end + margin))
    axes.set_ylim(-1, 1)
    axes.add_patch(Rectangle((low, -0.75), high - low, 1.5, facecolor=COLOURS["s2"], alpha=0.35, linewidth=0))
    _gene(axes, gene, 0)
    axes.set_axis_off()
    text = f"{gene.name}: whole gene, {gene.end - gene.start:,} bp; shaded: the part shown above"
    axes.text(0, -0.62, text, transform=axes.get_yaxis_transform(), va="top", fontsize=SMALL)


def _gene(axes: Axes, gene: GeneModel, y: float) -> None:
    """Boxes are drawn so that base p covers p ± 0.5."""
    axes.plot((gene.start + 0.5, gene.end + 0.5), (y, y), color=COLOURS["muted"], linewidth=0.8, zorder=1)
    for spans, half in ((gene.exons, 0.16), (gene.cds, 0.32)):
        for start, end in spans:
            box = Rectangle(
                (start + 0.5, y - half), end - start, 2 * half, facecolor=COLOURS["muted"], zorder=2
            )
            axes.add_patch(box)
