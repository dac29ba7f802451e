"""The report on an evaluation: an overview of tasks and models, then each task with all of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from cistron.formats.atomic import atomic_output
from cistron.reports.evaluation_tasks import (
    MetricCell,
    ReportedRow,
    ReportedTask,
    main_cell,
    metric_head,
    task_section,
)
from cistron.reports.page import document, facts

__all__ = ["MetricCell", "ReportedRow", "ReportedTask", "write_evaluation_report"]

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
    body = [MEANING, _overview(tasks)]
    body += [task_section(number, task) for number, task in enumerate(tasks)]
    described = "".join(facts(name, entries) for name, entries in model_facts.items())
    described += facts("Run", run_facts)
    body.append(f'<h2>Models and run</h2>\n<div class="facts">{described}</div>')
    page = document(title, "Cistron evaluation", "\n".join(body), "Made by Cistron. For research use only.")
    with atomic_output(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _overview(tasks: Sequence[ReportedTask]) -> str:
    """Tasks down, models across; the best row without a trained model beside them."""
    models = list(dict.fromkeys(row.name for task in tasks for row in task.rows if row.kind == "model"))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in models)
    lines = "\n".join(_overview_line(number, task, models) for number, task in enumerate(tasks))
    return (
        '<h2>Overview</h2>\n<div class="scroll"><table class="wrap"><thead><tr><th scope="col">Task</th>'
        f'<th scope="col">Split</th><th scope="col">Metric</th>{heads}'
        f'<th scope="col">Best without a trained model</th></tr></thead>\n<tbody>\n{lines}\n'
        "</tbody></table></div>"
    )


_NARROW = 'style="white-space:normal;overflow-wrap:break-word;max-width:16rem"'
"""Cells of the overview break, so that more models fit beside each other."""


def _overview_line(number: int, task: ReportedTask, models: Sequence[str]) -> str:
    name = escape(task.name).replace("/", "/<wbr>").replace("_", "_<wbr>")
    link = f'<th scope="row" {_NARROW}><a href="#task-{number}">{name}</a></th>'
    if task.skipped:
        reason = f'<td class="none" colspan="{len(models) + 3}" {_NARROW}>'
        return f"<tr>{link}{reason}{escape(task.skipped)}</td></tr>"
    rows = {row.name: row for row in task.rows if row.kind == "model"}
    cells = "".join(f"<td {_NARROW}>{main_cell(rows[name]) if name in rows else '–'}</td>" for name in models)
    best = best_untrained(task.rows)
    beside = "–" if best is None else f"{main_cell(best)}<br><small>{escape(best.name)}</small>"
    return (
        f"<tr>{link}<td>{escape(worst_badge(task.badges))}</td><td>{metric_head(task)}</td>{cells}"
        f"<td>{beside}</td></tr>"
    )


def best_untrained(rows: Sequence[ReportedRow]) -> ReportedRow | None:
    """The row with the best main metric of those that need no trained model; controls are none."""
    known = [row for row in rows if row.kind in ("baseline", "markov", "twin") and _goodness(row) is not None]
    return max(known, key=lambda row: _goodness(row) or 0.0, default=None)


def worst_badge(badges: Sequence[tuple[str, str]]) -> str:
    """`leak`, `warn`, `clean`, or `not audited`."""
    verdicts = {verdict for verdict, _ in badges}
    return next((name for name in ("leak", "warn", "clean") if name in verdicts), "not audited")


def _goodness(row: ReportedRow) -> float | None:
    """The main metric, so that more is better; None where there is none, or neither end is good."""
    if not row.metrics or row.metrics[0].value is None or row.metrics[0].higher_is_better is None:
        return None
    return row.metrics[0].value if row.metrics[0].higher_is_better else -row.metrics[0].value
