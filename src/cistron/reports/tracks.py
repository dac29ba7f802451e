"""The report on predicted tracks: predictions and baselines beside the measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final, Literal

from cistron.formats.atomic import atomic_output
from cistron.metrics.tracks import HIGHER_IS_BETTER, TrackDifference, TrackMetric
from cistron.metrics.tracks_genes import GeneTotals
from cistron.metrics.tracks_sums import Density
from cistron.reports.evaluation_figures import Mark, interval_figure
from cistron.reports.page import document, facts, figure
from cistron.reports.tracks_figures import density_figure, gene_figure

LEVELS: Final = {"base": "At every base", "bin": "Means of 128 bp", "gene": "Totals of genes"}
"""Level → heading."""

WORDS: Final = {
    "pearson_log1p": "Pearson, log(1 + x)",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "poisson_deviance": "Poisson deviance",
    "auroc_nonzero": "AUROC, signal or none",
    "pearson_log1p_mean": "Pearson, log(1 + mean a base)",
    "outliers": "Genes off by more than 2 in z-score of log2",
}
"""Metric → words."""

_MAIN: Final = "pearson_log1p"

MEANING: Final = """\
<section class="meaning" aria-label="How to read this">
<div>
<h3>How to read a number</h3>
<p>In brackets: the 95 % interval from drawing blocks of the genome with replacement, because neighbouring
bases are not independent. <strong>▲ and ▼ tell where a prediction is better or worse than a baseline on the
same blocks</strong>; = that the two cannot be told apart. Deviance and outliers are better when lower.</p>
</div>
<div>
<h3>What no number here says</h3>
<ul>
<li>A correlation over the bases of a genome is mostly about where signal is, not about how its height varies
between cell types.</li>
<li>A total over a gene grows with the gene's length; <em>mean a base</em> takes that out.</li>
<li>Correlations of different tracks are not on one scale: replicates of the measurement set the ceiling.</li>
</ul>
</div>
</section>"""


@dataclass(frozen=True)
class TrackRow:
    """A prediction and how well it agrees.

    Attributes:
        name: Of the prediction.
        kind: Whether a model made it, none was needed, or it was measured too.
        statement: What it is.
        metrics: At all levels.
        density: How many bins have which measured and predicted values.
    """

    name: str
    kind: Literal["model", "baseline", "replicate"]
    statement: str
    metrics: tuple[TrackMetric, ...]
    density: Density

    def metric(self, level: str, name: str) -> TrackMetric | None:
        """One of its metrics; None where it has none of that name."""
        return next((one for one in self.metrics if (one.level, one.name) == (level, name)), None)


@dataclass(frozen=True)
class TrackEvaluation:
    """What an evaluation found.

    Attributes:
        rows: Every prediction, baselines last.
        differences: Of each model's prediction to each baseline.
        genes: Totals of genes; None without annotation.
    """

    rows: Sequence[TrackRow]
    differences: Sequence[TrackDifference]
    genes: GeneTotals | None


def write_track_report(
    path: Path, found: TrackEvaluation, *, title: str, run_facts: Mapping[str, str]
) -> None:
    """Write one self-contained HTML file; the same arguments give the same bytes.

    Raises:
        OutputError: The file cannot be written.
    """
    levels = [level for level in LEVELS if any(row.metric(level, _MAIN) for row in found.rows)]
    body = [MEANING, *(part for level in levels for part in _level(level, found))]
    body += _shapes(found)
    body.append(f'<h2>Run</h2>\n<div class="facts">{facts("Run", run_facts)}{_statements(found)}</div>')
    page = document(title, "Cistron tracks", "\n".join(body), "Made by Cistron. For research use only.")
    with atomic_output(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _level(level: str, found: TrackEvaluation) -> Iterator[str]:
    """Heading, figure and tables of one level."""
    yield f"<h2>{LEVELS[level]}</h2>"
    marks = [
        Mark(row.name, row.kind, metric.value, metric.low, metric.high)
        for row in found.rows
        if (metric := row.metric(level, _MAIN)) is not None and metric.value is not None
    ]
    if marks:
        caption = (
            f"{WORDS[_MAIN]}, with 95 % intervals. Grey: baselines, which need no model, and replicates."
        )
        yield figure(interval_figure(marks, WORDS[_MAIN], f"level-{level}"), caption)
    yield _table(level, found.rows)
    yield _beaten(level, found.differences)


def _table(level: str, rows: Sequence[TrackRow]) -> str:
    """Predictions down, metrics across."""
    names = [name for name in HIGHER_IS_BETTER if any(row.metric(level, name) for row in rows)]
    heads = "".join(f'<th scope="col">{escape(WORDS[name])}</th>' for name in names)
    lines = "\n".join(
        f'<tr><th scope="row">{escape(row.name)}</th><td>{row.kind}</td>'
        + "".join(f"<td>{_cell(row.metric(level, name))}</td>" for name in names)
        + "</tr>"
        for row in rows
    )
    first = rows[0].metric(level, _MAIN)
    counted = "" if first is None else f"{first.n:,} {level}s in {first.blocks:,} blocks."
    return (
        f'<p class="note" style="margin-top:1rem">{counted}</p>\n<div class="scroll"><table><thead><tr>'
        f'<th scope="col">Prediction</th><th scope="col">Kind</th>{heads}</tr></thead>\n<tbody>\n{lines}\n'
        "</tbody></table></div>"
    )


def _cell(metric: TrackMetric | None) -> str:
    if metric is None:
        return "–"
    if metric.value is None:
        return f'<span class="none">{escape(metric.note)}</span>'
    places = 0 if metric.name == "outliers" else 3
    value = signed(metric.value, places)
    if metric.low is None or metric.high is None:
        return f'{value} <small class="none">{escape(metric.note)}</small>'
    return f"{value} <small>[{signed(metric.low, places)}, {signed(metric.high, places)}]</small>"


def _beaten(level: str, apart: Sequence[TrackDifference]) -> str:
    """What each prediction is beside each baseline; nothing where there is none."""
    here = [one for one in apart if one.level == level]
    if not here:
        return ""
    pairs = list(dict.fromkeys((one.first, one.second) for one in here))
    names = [name for name in HIGHER_IS_BETTER if any(one.name == name for one in here)]
    found = {(one.first, one.second, one.name): one for one in here}
    heads = "".join(f'<th scope="col">{escape(WORDS[name])}</th>' for name in names)
    lines = "\n".join(
        f'<tr><th scope="row">{escape(first)} − {escape(second)}</th>'
        + "".join(f"<td>{_verdict(found.get((first, second, name)))}</td>" for name in names)
        + "</tr>"
        for first, second in pairs
    )
    return (
        '<div class="scroll" style="margin-top:1rem"><table><thead><tr><th scope="col">Difference</th>'
        f"{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )


def _verdict(apart: TrackDifference | None) -> str:
    if apart is None:
        return "–"
    mark = {True: "▲", False: "▼", None: "="}[apart.better]
    ends = f"[{signed(apart.low, plus=True)}, {signed(apart.high, plus=True)}]"
    return f"{mark} {signed(apart.value, plus=True)} <small>{ends}</small>"


def _shapes(found: TrackEvaluation) -> Iterator[str]:
    """Figures of how values lie together: bins of every prediction by a model, and genes."""
    models = [row for row in found.rows if row.kind == "model"]
    yield "<h2>Measured and predicted</h2>"
    for number, row in enumerate(models):
        svg = density_figure(row.density, row.name, f"density-{number}")
        yield figure(svg, f"Bins of 128 bp: measured against {row.name}. Darker: more bins.")
        if found.genes is not None:
            svg = gene_figure(found.genes, row.name, f"genes-{number}")
            yield figure(
                svg, f"Genes: totals against {row.name}. Named: those off by more than 2 in z-score of log2."
            )


def _statements(found: TrackEvaluation) -> str:
    return facts("Baselines", {row.name: row.statement for row in found.rows if row.statement})


def signed(value: float, places: int = 3, *, plus: bool = False) -> str:
    """A number as text, without decimals from 100 on; with a true minus sign."""
    places = 0 if abs(value) >= 100 else places
    return f"{value:{'+' if plus else ''},.{places}f}".replace("-", "−")
