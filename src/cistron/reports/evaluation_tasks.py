"""What a report on an evaluation says of each task: plain records, and the HTML of a task's section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from cistron.reports.evaluation_figures import Mark, interval_figure
from cistron.reports.page import figure

KINDS = {
    "model": "model",
    "twin": "random weights",
    "markov": "Markov",
    "control": "control",
    "baseline": "baseline",
}
"""What each kind of row is called."""

VERDICTS = {
    "better": ("▲", "better than the best row without a trained model"),
    "tie": ("=", "not to be told from it"),
    "worse": ("▼", "worse than it"),
}


@dataclass(frozen=True)
class MetricCell:
    """One number of a row.

    Attributes:
        name: Of the metric.
        value: The estimate; None where there is none.
        low: Lower end of the interval.
        high: Upper end.
        n: Independent units.
        note: A remark.
        higher_is_better: Which end is good; None where neither is.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""
    higher_is_better: bool | None = True


@dataclass(frozen=True)
class ReportedRow:
    """One row of a task.

    Attributes:
        name: Of the row.
        kind: A key of `KINDS`.
        statement: What it is.
        metrics: The main one first; empty where there are none.
        skipped: Why there are none.
        verdict: Against the best row without a trained model; a key of `VERDICTS`, or empty.
        notes: Remarks of the row.
    """

    name: str
    kind: str
    statement: str = ""
    metrics: tuple[MetricCell, ...] = ()
    skipped: str = ""
    verdict: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportedTask:
    """One section of the report.

    Attributes:
        name: Of the task.
        version: Of the task.
        summary: One line.
        metric: Name of the main metric.
        source: Where data and protocol come from.
        licence: Of the data.
        rows: All rows.
        notes: What a reader must know.
        badges: Pairs of verdict and finding.
        figures: Title → SVG.
        published: Lines of (model, value, metric, source, protocol).
        skipped: Why the task could not run.
    """

    name: str
    version: int
    summary: str
    metric: str
    source: str = ""
    licence: str = ""
    rows: tuple[ReportedRow, ...] = ()
    notes: tuple[str, ...] = ()
    badges: tuple[tuple[str, str], ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    published: tuple[tuple[str, str, str, str, str], ...] = ()
    skipped: str = ""


def task_section(number: int, task: ReportedTask) -> str:
    """The section of one task: heading, plot, rows, parts, published numbers, remarks."""
    parts = [
        f'<h2 id="task-{number}">{escape(task.name)} <small class="none">version {task.version}</small> '
        f"{'' if task.skipped else badge_mark(worst_badge(task.badges))}</h2>",
        f"<p>{escape(task.summary)}.</p>",
    ]
    if task.skipped:
        return "\n".join([*parts, f'<p class="note">Not run: {escape(task.skipped)}</p>'])
    marks = [
        Mark(row.name, row.kind, cell.value, cell.low, cell.high)
        for row in task.rows
        for cell in row.metrics[:1]
        if cell.value is not None
    ]
    if marks:
        parts.append(figure(interval_figure(marks, task.metric, f"task{number}"), _caption(task)))
    parts.append(_rows_table(task))
    parts += [figure(svg, title) for title, svg in task.figures.items()]
    parts += [_parts_table(task), _published_table(task), _remarks(task)]
    return "\n".join(part for part in parts if part)


def _caption(task: ReportedTask) -> str:
    return f"{task.metric} with 95 % intervals. Grey: rows that need no trained model, and controls."


def _rows_table(task: ReportedTask) -> str:
    lines = []
    for row in task.rows:
        n = "" if not row.metrics or row.metrics[0].n is None else f"{row.metrics[0].n:,}"
        lines.append(
            f'<tr>{_row_head(row)}<td style="white-space:normal">{main_cell(row)}</td>'
            f'<td class="number">{n}</td><td>{_others(row)}</td></tr>'
        )
    return (
        '<div class="scroll" style="margin-top:1rem"><table class="wrap"><thead><tr><th scope="col">Row</th>'
        f'<th scope="col">{metric_head(task)}</th>'
        '<th scope="col" class="number">n</th><th scope="col">Other metrics</th></tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def _row_head(row: ReportedRow) -> str:
    """Name of a row, and under it what it is."""
    kind = "" if row.kind in row.name else KINDS.get(row.kind, row.kind)
    what = ": ".join(part for part in (kind, row.statement) if part)
    return (
        f'<th scope="row" style="white-space:normal;min-width:9rem">{escape(row.name)}'
        f'<br><small class="none" style="font-weight:400">{escape(what)}</small></th>'
    )


def _others(row: ReportedRow) -> str:
    """Further metrics of the whole task; those of parts have a table of their own."""
    cells = [cell for cell in row.metrics[1:] if ":" not in cell.name and cell.value is not None]
    return ", ".join(f"{escape(cell.name)} {_text(cell.value or 0.0)}" for cell in cells)


def _parts_table(task: ReportedTask) -> str:
    """Metrics of parts of the items, `metric:part`, parts down and rows across."""
    named = [row for row in task.rows if any(":" in cell.name for cell in row.metrics)]
    names = list(dict.fromkeys(cell.name for row in named for cell in row.metrics if ":" in cell.name))
    if not names:
        return ""
    heads = "".join(f'<th scope="col">{escape(row.name)}</th>' for row in named)
    lines = []
    for name in names:
        cells = [{cell.name: cell for cell in row.metrics}.get(name) for row in named]
        shown = "".join(f"<td>{'–' if cell is None else _number(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{escape(name.replace(":", ": "))}</th>{shown}</tr>')
    return (
        '<h3 style="margin-top:1.25rem">Parts</h3>\n<div class="scroll"><table><thead><tr>'
        '<th scope="col">Metric and part</th>'
        f"{heads}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody></table></div>"
    )


def _published_table(task: ReportedTask) -> str:
    if not task.published:
        return ""
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in task.published
    )
    return (
        '<h3 style="margin-top:1.25rem">Published by others, not measured here</h3>\n'
        '<div class="scroll" style="border-style:dashed"><table class="wrap none"><thead><tr>'
        '<th scope="col">Model</th><th scope="col">Value</th><th scope="col">Metric as named</th>'
        '<th scope="col">Source</th><th scope="col">Protocol</th></tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )


def _remarks(task: ReportedTask) -> str:
    lines = [f"{badge_mark(verdict)} {escape(finding)}" for verdict, finding in task.badges]
    lines += [escape(note) for note in task.notes]
    told = {row.name: [f"{escape(row.name)}: {escape(note)}" for note in row.notes] for row in task.rows}
    lines += [line for row in task.rows if row.kind == "model" for line in told[row.name]]
    others = [line for row in task.rows if row.kind != "model" for line in told[row.name]]
    lines += [f"Source: {escape(task.source)}", f"Licence of the data: {escape(task.licence)}"]
    rows = (
        "" if not others else f'<details class="note"><summary>Other rows</summary>{_list(others)}</details>'
    )
    return _list(lines) + rows


def _list(lines: Sequence[str]) -> str:
    return '<ul class="note">\n' + "\n".join(f"<li>{line}</li>" for line in lines) + "\n</ul>"


def worst_badge(badges: Sequence[tuple[str, str]]) -> str:
    """`leak`, `warn`, `clean`, or `not audited`."""
    verdicts = {verdict for verdict, _ in badges}
    return next((name for name in ("leak", "warn", "clean") if name in verdicts), "not audited")


def badge_mark(verdict: str) -> str:
    """HTML of what the audit of a split found."""
    return f'<span class="badge {verdict.replace(" ", "-")}">{escape(verdict)}</span>'


def verdict_mark(verdict: str, text: str = "") -> str:
    """HTML of how a model stands to the best row without a trained model; nothing where that is not known."""
    if verdict not in VERDICTS:
        return ""
    sign, words = VERDICTS[verdict]
    shown = f"{sign} {text}" if text else sign
    return f' <abbr class="verdict {verdict}" title="{escape(words)}">{shown}</abbr>'


def metric_head(task: ReportedTask) -> str:
    """HTML of the main metric's name, with a mark where less is better."""
    directions = {row.metrics[0].higher_is_better for row in task.rows if row.metrics}
    mark = ' <abbr title="less is better">↓</abbr>' if directions == {False} else ""
    return escape(task.metric) + mark


def main_cell(row: ReportedRow) -> str:
    """HTML of the main metric with interval and verdict, or of the reason why there is none."""
    if not row.metrics:
        return f'<span class="none">{escape(row.skipped) or "–"}</span>'
    return _number(row.metrics[0], verdict_mark(row.verdict))


def _number(cell: MetricCell, mark: str = "") -> str:
    if cell.value is None:
        return f'<span class="none">{escape(cell.note) or "none"}</span>'
    interval = (
        "" if cell.low is None or cell.high is None else f" [{_text(cell.low)},&nbsp;{_text(cell.high)}]"
    )
    return f"<strong>{_text(cell.value)}</strong>{mark}<small>{interval}</small>"


def _text(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
