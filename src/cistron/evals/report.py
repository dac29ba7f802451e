"""From a folder of results to one page, and to one table of all numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cistron.errors import InputError
from cistron.evals.compare import Comparison, compare_rows, together
from cistron.evals.outcome import Metric
from cistron.evals.rows import Row, load_row
from cistron.evals.run import TASK_FILE
from cistron.formats.table import TableWriter
from cistron.metrics.named import MEASURES
from cistron.reports.evaluation import (
    MetricCell,
    ReportedRow,
    ReportedTask,
    write_evaluation_report,
)

RUN_FILE = "run.json"
"""What a folder of results says about the run: command, machine, tasks that could not run."""

_COLUMNS = {
    "task": str,
    "version": int,
    "row": str,
    "kind": str,
    "metric": str,
    "value": float,
    "low": float,
    "high": float,
    "n": int,
    "note": str,
}


def write_report(folder: Path) -> Path:
    """Write `report.html` and `results.tsv` from all results in `folder`, and return the path of the former.

    Raises:
        InputError: The folder holds no results, or a damaged one.
        OutputError: They cannot be written.
    """
    run = read_task_file(folder / RUN_FILE) if (folder / RUN_FILE).exists() else {}
    described = [(path, read_task_file(path)) for path in sorted(folder.rglob(TASK_FILE))]
    skipped = [ReportedTask(**entry) for entry in run.get("skipped", [])]
    if not described and not skipped:
        raise InputError(f"{folder} holds no results of cistron eval")
    rows = {path: _rows(path, content) for path, content in described}
    verdicts = verdicts_of(list(rows.values()))
    tasks = [_task(path, content, rows[path], verdicts) for path, content in described]
    models = {row.name: dict(row.facts) for found in rows.values() for row in found if row.kind == "model"}
    report = folder / "report.html"
    write_evaluation_report(
        report,
        [*tasks, *skipped],
        title=run.get("title", "Evaluation"),
        model_facts=models,
        run_facts={name: str(value) for name, value in run.get("facts", {}).items()},
    )
    _write_table(folder / "results.tsv", [row for found in rows.values() for row in found])
    return report


def read_task_file(path: Path) -> dict[str, Any]:
    """The content of a `task.json`, or of a `run.json`.

    Raises:
        InputError: It is not JSON.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} is not a result of cistron eval: {problem}") from None
    return content


def _rows(path: Path, content: dict[str, Any]) -> list[Row]:
    return [load_row(path.parent / name) for name in content["rows"]]


def verdicts_of(tasks: Sequence[Sequence[Row]]) -> dict[tuple[str, str], str]:
    """(task, model) → how it stands to the best row without a trained model, all compared together."""
    pairs = [pair for rows in tasks for pair in _pairs(rows)]
    found = together([compare_rows(model, best) for model, best in pairs]) if pairs else []
    return {(each.task, each.first): _word(each) for each in found}


def _word(comparison: Comparison) -> str:
    return {"first": "better", "second": "worse", "tie": "tie"}[comparison.verdict]


def _pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Each model with the best row that needs none, where they can be compared."""
    untrained = [row for row in rows if row.kind in ("baseline", "markov", "twin") and _comparable(row)]
    if not untrained:
        return []
    best = max(untrained, key=_goodness)
    return [(row, best) for row in rows if row.kind == "model" and _comparable(row)]


def _goodness(row: Row) -> float:
    """The main metric, so that more is better."""
    assert row.outcome is not None
    main = row.outcome.main
    return main.value if MEASURES[main.name].higher_is_better else -main.value


def _comparable(row: Row) -> bool:
    if row.outcome is None or "item" not in row.outcome.items or math.isnan(row.outcome.main.value):
        return False
    measure = MEASURES.get(row.outcome.main.name)
    return measure is not None and all(name in row.outcome.items for name in measure.columns)


def _task(
    path: Path, content: dict[str, Any], rows: Sequence[Row], verdicts: dict[tuple[str, str], str]
) -> ReportedTask:
    figures = {
        title: path.with_name(f"{name}.svg.html").read_text(encoding="utf-8")
        for title, name in content["figures"].items()
    }
    return ReportedTask(
        name=content["task"],
        version=content["version"],
        summary=content["summary"],
        metric=content["metric"],
        source=content["source"],
        licence=content["licence"],
        rows=tuple(_reported(row, verdicts.get((row.task, row.name), "")) for row in rows),
        notes=tuple(content["notes"]),
        badges=tuple((badge["verdict"], badge["finding"]) for badge in content["badges"]),
        figures=figures,
        published=tuple(
            (each["model"], str(each["value"]), each["metric"], each["source"], each["protocol"])
            for each in content["published"]
        ),
    )


def _reported(row: Row, verdict: str) -> ReportedRow:
    metrics = () if row.outcome is None else tuple(_cell(metric) for metric in row.outcome.metrics)
    notes = () if row.outcome is None else row.outcome.notes
    return ReportedRow(row.name, row.kind, row.statement, metrics, row.skipped or "", verdict, notes)


def _cell(metric: Metric) -> MetricCell:
    value = metric.value if metric.value == metric.value else None  # NaN differs from itself
    return MetricCell(
        metric.name, value, metric.low, metric.high, metric.n, metric.note, metric.higher_is_better
    )


def _write_table(path: Path, rows: Sequence[Row]) -> None:
    with TableWriter(path, _COLUMNS) as table:
        for row in rows:
            if row.outcome is None:
                cells = (row.task, row.version, row.name, row.kind, "", None, None, None, None, row.skipped)
                table.write_rows([cells])
                continue
            table.write_rows(
                (row.task, row.version, row.name, row.kind, m.name, m.value, m.low, m.high, m.n, m.note)
                for m in row.outcome.metrics
            )
