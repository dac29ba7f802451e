"""The report on an evaluation: an overview of tasks and models, then each task with all of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from cistron.formats.atomic import atomic_output
from cistron.reports.evaluation_strip import COLOURED, interval_strip
from cistron.reports.evaluation_tasks import (
    VERDICTS,
    MetricCell,
    ReportedRow,
    ReportedTask,
    badge_mark,
    main_cell,
    metric_head,
    task_section,
    verdict_mark,
    worst_badge,
)
from cistron.reports.page import document, facts

__all__ = ["MetricCell", "ReportedRow", "ReportedTask", "write_evaluation_report"]

STYLE = """\
<style>
.badge { display: inline-block; padding: 0 .5em; border: 1px solid currentColor; border-radius: 4px;
  font-size: .8rem; font-weight: 600; line-height: 1.5; white-space: nowrap; vertical-align: middle; }
.badge.clean, .verdict.better { color: var(--s4); }
.badge.leak, .verdict.worse { color: var(--s1); }
.badge.warn { color: var(--s2); }
.badge.not-audited, .verdict.tie { color: var(--muted); }
.verdict { font-weight: 600; white-space: nowrap; }
.overview th, .overview td { white-space: normal; overflow-wrap: break-word; max-width: 15rem; }
.overview thead th, .overview td { min-width: 7rem; }
.overview small { font-weight: 400; }
.overview svg { display: block; width: 9rem; height: auto; margin-top: .35rem; }
.standing { display: flex; flex-wrap: wrap; gap: .3rem 1.75rem; margin: 0 0 .75rem; padding: 0;
  list-style: none; }
.standing .verdict { margin-left: .6em; }
details.note ul { margin: .25rem 0 0; }
</style>
"""

MEANING = """\
<section class="meaning" aria-label="How to read this">
<div>
<h3>How to read a number</h3>
<p>In brackets: the 95 % interval from drawing blocks of items with replacement; a block is what is not
independent (a gene, a position, a sequence that occurs twice). <strong>▲, = and ▼ compare with the best row
of the task that needs no trained model</strong> (baselines, Markov model, random weights), on the same items
and corrected for the number of comparisons. A tie is a tie, whichever number is larger.</p>
</div>
<div>
<h3>What no number here says</h3>
<ul>
<li>Numbers of different tasks or metrics are not on one scale; there is no average over tasks.</li>
<li>A task with the badge <em>leak</em> has items that its training part gives away; see its audit.</li>
<li>Published numbers stand apart: other people's data, protocol and often an unnamed metric.</li>
</ul>
</div>
</section>"""


def write_evaluation_report(
    path: str | Path,
    tasks: Sequence[ReportedTask],
    *,
    title: str,
    model_facts: Mapping[str, Mapping[str, str]],
    run_facts: Mapping[str, str],
) -> None:
    """Write one self-contained HTML file; the same arguments give the same bytes.

    Args:
        path: File to write; appears only when it is complete.
        tasks: In the order to show them.
        title: Heading of the page.
        model_facts: Model → what to say of it.
        run_facts: What to say of the run.

    Raises:
        OutputError: The file cannot be written.
    """
    body = [STYLE, MEANING, _overview(tasks)]
    body += [task_section(number, task) for number, task in enumerate(tasks)]
    described = "".join(facts(name, entries) for name, entries in model_facts.items())
    described += facts("Run", run_facts)
    body.append(f'<h2>Models and run</h2>\n<div class="facts">{described}</div>')
    page = document(title, "Cistron evaluation", "\n".join(body), "Made by Cistron. For research use only.")
    with atomic_output(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _overview(tasks: Sequence[ReportedTask]) -> str:
    """How often each model is better, then tasks down and models across beside the best untrained row."""
    models = list(dict.fromkeys(row.name for task in tasks for row in task.rows if row.kind == "model"))
    colours = {name: COLOURED[at % len(COLOURED)] for at, name in enumerate(models)}
    heads = "".join(f'<th scope="col">{_key(colours[name])}{escape(name)}</th>' for name in models)
    lines = "\n".join(_overview_line(number, task, colours) for number, task in enumerate(tasks))
    return (
        f'<h2>Overview</h2>\n{_standing(tasks, models)}<div class="scroll"><table class="overview">'
        '<thead><tr><th scope="col">Task, metric, split</th>'
        f'<th scope="col">Intervals, right is better</th>{heads}'
        f'<th scope="col">{_key("s0")}Best without a trained model</th></tr></thead>'
        f"\n<tbody>\n{lines}\n</tbody></table></div>"
    )


def _key(colour: str) -> str:
    return f'<span class="key" style="background:var(--{colour})"></span>'


def _standing(tasks: Sequence[ReportedTask], models: Sequence[str]) -> str:
    """On how many tasks each model is better than the best untrained row, a tie, or worse."""
    items = []
    for name in models:
        rows = [row for task in tasks for row in task.rows if row.kind == "model" and row.name == name]
        counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}
        told = "".join(verdict_mark(verdict, str(count)) for verdict, count in counts.items())
        without = sum(not row.metrics for row in rows)
        rest = f' <span class="none">{without} not answered</span>' if without else ""
        items.append(f"<li><strong>{escape(name)}</strong>{told}{rest}</li>")
    return f'<ul class="standing">{"".join(items)}</ul>\n' if items else ""


def _overview_line(number: int, task: ReportedTask, colours: Mapping[str, str]) -> str:
    name = escape(task.name).replace("/", "/<wbr>").replace("_", "_<wbr>")
    link = f'<a href="#task-{number}">{name}</a>'
    if task.skipped:
        reason = f'<td class="none" colspan="{len(colours) + 2}">{escape(task.skipped)}</td>'
        return f'<tr><th scope="row">{link}</th>{reason}</tr>'
    badge = badge_mark(worst_badge(task.badges))
    head = f'<th scope="row">{link}<br><small>{metric_head(task)}</small> {badge}</th>'
    rows = {row.name: row for row in task.rows if row.kind == "model"}
    cells = "".join(f"<td>{_overview_cell(rows.get(name))}</td>" for name in colours)
    best = best_untrained(task.rows)
    beside = "–" if best is None else f"{main_cell(best)}<br><small>{escape(best.name)}</small>"
    shown = [(rows[name], colour) for name, colour in colours.items() if name in rows]
    strip = interval_strip([*shown, *([] if best is None else [(best, "s0")])])
    return f"<tr>{head}<td>{strip}</td>{cells}<td>{beside}</td></tr>"


def _overview_cell(row: ReportedRow | None) -> str:
    """The main metric of a model; why it has none stands in the section of the task."""
    if row is None:
        return "–"
    if not row.metrics:
        return f'<span class="none"><abbr title="{escape(row.skipped)}">not answered</abbr></span>'
    return main_cell(row)


def best_untrained(rows: Sequence[ReportedRow]) -> ReportedRow | None:
    """The row with the best main metric of those that need no trained model; controls are none."""
    known = [row for row in rows if row.kind in ("baseline", "markov", "twin") and _goodness(row) is not None]
    return max(known, key=lambda row: _goodness(row) or 0.0, default=None)


def _goodness(row: ReportedRow) -> float | None:
    """The main metric, so that more is better; None where there is none, or neither end is good."""
    if not row.metrics or row.metrics[0].value is None or row.metrics[0].higher_is_better is None:
        return None
    return row.metrics[0].value if row.metrics[0].higher_is_better else -row.metrics[0].value
