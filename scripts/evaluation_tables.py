"""Gather folders of `cistron eval run` into bench/results/evaluation.json, which documents are made from.

    python scripts/evaluation_tables.py RESULTS...

Of a task that several folders have, the last one counts. Rows keep their main metric; what a row says of each
item stays in the folder.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cistron.evals.report import read_task_file, verdicts_of
from cistron.evals.rows import Row, load_row
from cistron.evals.run import TASK_FILE
from cistron.formats.atomic import atomic_output
from cistron.reports.evaluation_tasks import worst_badge

RESULTS = Path(__file__).resolve().parents[1] / "bench/results/evaluation.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders of results")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    content = gathered(options.folders)
    with atomic_output(options.output) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {len(content['tasks'])} tasks to {options.output}")


def gathered(folders: Sequence[Path]) -> dict[str, Any]:
    """Tasks by name with the main metric of every row, and what there is to say of the models."""
    found: dict[str, tuple[dict[str, Any], list[Row]]] = {}
    for path in (path for folder in folders for path in sorted(folder.rglob(TASK_FILE))):
        content = read_task_file(path)
        found[content["task"]] = content, [load_row(path.parent / name) for name in content["rows"]]
    verdicts = verdicts_of([rows for _, rows in found.values()])
    tasks = [_task(*found[name], verdicts) for name in sorted(found)]
    models = {row.name: dict(row.facts) for _, rows in found.values() for row in rows if row.kind == "model"}
    return {
        "what": "main metric of each task with 95 % intervals from resampling blocks of items",
        "models": models,
        "tasks": tasks,
    }


def _task(
    content: dict[str, Any], rows: Sequence[Row], verdicts: dict[tuple[str, str], str]
) -> dict[str, Any]:
    return {
        "task": content["task"],
        "version": content["version"],
        "metric": content["metric"],
        "summary": content["summary"],
        "badge": worst_badge([(badge["verdict"], badge["finding"]) for badge in content["badges"]]),
        "limit": content["identity"].get("limit"),
        "options": content["identity"].get("options", {}),
        "notes": content["notes"],
        "rows": [_row(row, verdicts.get((row.task, row.name), "")) for row in rows],
        "published": content["published"],
    }


def _row(row: Row, verdict: str) -> dict[str, Any]:
    main = None if row.outcome is None else row.outcome.main
    return {
        "row": row.name,
        "kind": row.kind,
        "value": None if main is None or math.isnan(main.value) else main.value,
        "low": None if main is None else main.low,
        "high": None if main is None else main.high,
        "n": None if main is None else main.n,
        "higher_is_better": None if main is None else main.higher_is_better,
        "verdict": verdict,
        "skipped": row.skipped,
    }


if __name__ == "__main__":
    main()
