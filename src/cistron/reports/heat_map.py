"""The figure of a saturation mutagenesis: a sequence logo over a heat map, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cistron.formats.atomic import atomic_output
from cistron.genome import Strand
from cistron.genome.annotation import GeneModel, Span
from cistron.genome.sequence import ACGT
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.reports.figures import COLOURS, SMALL, bare, new_figure, theme, to_svg
from cistron.reports.gene_track import draw_genes

PER_LINE: Final = 100
"""Columns of a line; regions shorter than that get wider ones."""

_LEAST: Final = 40
LETTERS: Final = {"A": COLOURS["s4"], "C": COLOURS["s3"], "G": COLOURS["s2"], "T": COLOURS["s1"]}
LESS, MORE = COLOURS["s3"], COLOURS["s1"]
"""Colours of substitutions that make the sequence less and more plausible."""

_LEFT, _RIGHT = 0.085, 0.97  # of the figure's width
_TOP, _LOGO, _ROW, _LANE, _AXIS, _GAP, _KEY = 0.1, 0.62, 0.15, 0.22, 0.27, 0.18, 0.42  # inches
_LANES = 2  # genes drawn below a line
_DELETION = "del"


@dataclass(frozen=True)
class Stretch:
    """A line of the figure, in reading direction.

    Attributes:
        bases: Of the strand that is read.
        effects: llr in nats, rows A, C, G, T of that strand and perhaps deletions; NaN where there is none.
        importance: −mean llr of each position's substitutions.
        positions: Of each column, 1-based on the plus strand; descending on the minus strand.
        genes: Genes in coordinates of the line: its first column is base 0.
    """

    bases: str
    effects: Float64[np.ndarray, "rows L"]
    importance: Float64[np.ndarray, "L"]
    positions: range
    genes: tuple[GeneModel, ...]

    @classmethod
    def of(cls, found: MutationMap, strand: Strand, genes: Sequence[GeneModel]) -> Stretch:
        """`found` as read on `strand`, with the genes that lie there."""
        step = 1 if strand == "+" else -1
        partners = str.maketrans(ACGT, ACGT[::step])
        # The complement of row i of A, C, G, T is row 3 − i.
        effects = found.llr[::step, ::step]
        if np.isfinite(found.deletions).any():
            effects = np.vstack([effects, found.deletions[::step]])
        near = [gene for gene in genes if gene.start < found.end and found.start < gene.end]
        return cls(
            found.bases[::step].translate(partners),
            effects,
            found.importance[::step],
            range(found.start + 1, found.end + 1)[::step],
            tuple(_moved(gene, found, strand) for gene in near[:_LANES] if gene.chrom == found.chrom),
        )

    @property
    def height(self) -> float:
        """Of the line, in inches."""
        return _LOGO + _ROW * len(self.effects) + _LANE * len(self.genes) + _AXIS + _GAP


def _moved(gene: GeneModel, found: MutationMap, strand: Strand) -> GeneModel:
    """The gene in coordinates of a line that shows `found` on `strand`."""

    def moved(spans: Sequence[Span]) -> tuple[Span, ...]:
        if strand == "+":
            return tuple((start - found.start, end - found.start) for start, end in spans)
        return tuple((found.end - end, found.end - start) for start, end in reversed(spans))

    direction: Strand = "+" if gene.strand == strand else "-"
    return GeneModel(gene.name, gene.chrom, direction, moved(gene.exons), moved(gene.cds))


def heat_map_figure(
    parts: Sequence[MutationMap], strand: Strand = "+", genes: Sequence[GeneModel] = ()
) -> Figure:
    """Lines of at most `PER_LINE` columns, all on one scale, under the report's theme.

    Letters of the logo are as high as the mean llr of the position's substitutions is low; the dot marks the
    reference's own base.

    Args:
        parts: What to show, each beginning a line; drawn in the order given.
        strand: Reading direction; the minus strand is drawn as its reverse complement.
        genes: Genes to draw below the lines.
    """
    lines = [Stretch.of(piece, strand, genes) for part in parts for piece in _pieces(part, strand, PER_LINE)]
    cell = (_RIGHT - _LEFT) / max(_LEAST, *(len(line.bases) for line in lines))
    total = sum(line.height for line in lines) + _TOP + _KEY
    figure = new_figure(total)
    limit, tallest = _limits(lines)
    top = total - _TOP
    for line in lines:
        _line(figure, line, top, cell, limit, tallest)
        top -= line.height
    _key(figure, limit)
    return figure


def heat_map_svg(parts: Sequence[MutationMap], strand: Strand = "+", genes: Sequence[GeneModel] = ()) -> str:
    """The figure as SVG for the report; see `heat_map_figure`."""
    with theme():
        columns = sum(len(part.bases) for part in parts)
        text = f"Sequence logo and heat map of the llr of every substitution at {columns:,} positions."
        return to_svg(heat_map_figure(parts, strand, genes), "heat", text)


def write_heat_map(
    path: str | Path,
    parts: Sequence[MutationMap],
    strand: Strand = "+",
    genes: Sequence[GeneModel] = (),
    *,
    dpi: int = 200,
) -> None:
    """Write the figure as a PNG on white; see `heat_map_figure`.

    Raises:
        OutputError: The file cannot be written.
    """
    with theme(), atomic_output(path) as temporary:
        figure = heat_map_figure(parts, strand, genes)
        figure.savefig(temporary, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})


def _pieces(part: MutationMap, strand: Strand, size: int) -> list[MutationMap]:
    """Cut into lines, in reading direction."""
    if strand == "+":
        starts = range(part.start, part.end, size)
        return [part.part(start, min(start + size, part.end)) for start in starts]
    ends = range(part.end, part.start, -size)
    return [part.part(max(end - size, part.start), end) for end in ends]


def _limits(lines: Sequence[Stretch]) -> tuple[float, tuple[float, float]]:
    """Where the colours end, and the range of the logos; a few extremes may lie beyond the colours."""
    effects = np.abs(np.concatenate([line.effects.ravel() for line in lines]))
    heights = np.concatenate([line.importance for line in lines])
    known = effects[np.isfinite(effects)]
    limit = float(np.quantile(known, 0.99)) if len(known) else 1.0
    low, high = (float(edge(heights[np.isfinite(heights)], initial=0.0)) for edge in (np.min, np.max))
    return limit or 1.0, (low, high if high > low else low + 1.0)


def _line(
    figure: Figure, line: Stretch, top: float, cell: float, limit: float, tallest: tuple[float, float]
) -> None:
    """Draw logo, heat map, genes and positions of one line, from `top` (inches) downwards.

    `cell` is the width of a column, as a part of the figure's.
    """
    width = cell * len(line.bases)
    rows = _ROW * len(line.effects)
    logo = _panel(figure, top, _LOGO, width)
    cells = _panel(figure, top - _LOGO, rows, width)
    _draw_logo(logo, line, tallest)
    _draw_cells(cells, line, limit)
    lowest = cells
    if line.genes:
        lowest = _panel(figure, top - _LOGO - rows, _LANE * len(line.genes), width)
        draw_genes(lowest, line.genes)
        bare(lowest)
    for axes in {cells, lowest}:
        axes.set_xlim(0.5, len(line.bases) + 0.5)
        axes.set_xticks([])
    _draw_positions(lowest, line.positions)


def _panel(figure: Figure, top: float, height: float, width: float) -> Axes:
    """Axes whose upper edge is at `top` inches."""
    total = figure.get_figheight()
    return figure.add_axes((_LEFT, (top - height) / total, width, height / total))


def _draw_logo(axes: Axes, line: Stretch, tallest: tuple[float, float]) -> None:
    """The reference base of each position, as high as its importance; below the line where that is negative.

    Source: logomaker (Tareen & Kinney 2020, Bioinformatics 36:2272) draws the letters.
    """
    from logomaker import Glyph

    for column, (base, value) in enumerate(zip(line.bases, line.importance, strict=True), 1):
        if base in ACGT and np.isfinite(value) and value:
            Glyph(
                column,
                base,
                ax=axes,
                floor=min(0.0, value),
                ceiling=max(0.0, value),
                width=0.95,
                color=LETTERS[base],
                flip=value < 0,
            )
    low, high = tallest
    axes.set_xlim(0.5, len(line.bases) + 0.5)
    axes.set_ylim(1.05 * low, 1.05 * high)
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.5, zorder=1)
    axes.set_xticks([])
    axes.set_yticks([0, high], ["0", f"{high:.2g}"])
    axes.set_ylabel("−mean llr", fontsize=SMALL)
    axes.tick_params(axis="y", length=2, labelsize=SMALL)
    axes.spines["left"].set_linewidth(0.6)
    bare(axes, "left")


def _draw_cells(axes: Axes, line: Stretch, limit: float) -> None:
    """One cell for each substitution, opaque at `limit` and beyond; a dot on the reference's own base."""
    rows = len(line.effects)
    for sign, colour in ((-1, LESS), (1, MORE)):
        places = np.argwhere(sign * line.effects > 0)
        cells = [Rectangle((column + 0.5, row - 0.5), 1, 1) for row, column in places]
        strength = np.minimum(np.abs(line.effects[tuple(places.T)]) / limit, 1.0)
        axes.add_collection(
            PatchCollection(cells, facecolor=colour, alpha=np.round(strength, 2), linewidth=0, zorder=1)
        )
    known = [(i + 1, ACGT.index(base)) for i, base in enumerate(line.bases) if base in ACGT]
    axes.scatter(
        [x for x, _ in known], [y for _, y in known], s=2.2, color=COLOURS["muted"], linewidths=0, zorder=2
    )
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows), [*ACGT, _DELETION][:rows])
    axes.tick_params(axis="y", length=0, labelsize=SMALL, pad=2)
    for spine in axes.spines.values():
        spine.set_color(COLOURS["rule"])


def _draw_positions(axes: Axes, positions: range) -> None:
    """Ticks below every tenth position, named at every twentieth."""
    tens = [column for column, pos in enumerate(positions, 1) if pos % 10 == 0]
    axes.set_xticks(tens, [f"{positions[c - 1]:,}" if positions[c - 1] % 20 == 0 else "" for c in tens])
    axes.tick_params(axis="x", length=2.5, labelsize=SMALL, pad=2, labelbottom=True)


def _key(figure: Figure, limit: float) -> None:
    """What the colours mean, along the lower edge."""
    total, steps = figure.get_figheight(), 20
    axes = figure.add_axes((0.36, 0.24 / total, 0.28, 0.1 / total))
    for step in range(-steps, steps + 1):
        colour = LESS if step < 0 else MORE
        axes.add_patch(
            Rectangle((step - 0.5, 0), 1, 1, facecolor=colour, alpha=abs(step) / steps, linewidth=0)
        )
    axes.set_xlim(-steps - 0.5, steps + 0.5)
    axes.set_yticks([])
    ends = f"{limit:.2g}"
    axes.set_xticks([-steps, 0, steps], [f"≤ −{ends}", "0", f"≥ +{ends}"])
    axes.tick_params(axis="x", length=2, labelsize=SMALL, pad=1)
    for spine in axes.spines.values():
        spine.set_color(COLOURS["rule"])
    for x, text, side in ((-0.03, "less plausible", "right"), (1.03, "more plausible (llr, nats)", "left")):
        axes.text(x, 0.5, text, transform=axes.transAxes, ha=side, va="center", fontsize=SMALL)
