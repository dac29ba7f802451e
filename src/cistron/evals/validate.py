"""Is what tasks read what they expect, and do results still say what their items say?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cistron.errors import CistronError, InputError
from cistron.evals.catalogue import all_tasks
from cistron.evals.data_digest import data_digests
from cistron.evals.outcome import Metric
from cistron.evals.report import read_task_file
from cistron.evals.requests import items_of
from cistron.evals.rows import Row, load_row
from cistron.evals.run import TASK_FILE
from cistron.evals.task import Setting, Task
from cistron.metrics.blocks import value_of
from cistron.metrics.named import MEASURES

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Finding:
    """What was found about a task's data, or about a row of results.

    Attributes:
        name: Of the task, or of task and row.
        verdict: `ok`, `missing` or `damaged`.
        told: Counts and hashes, or what is wrong.
    """

    name: str
    verdict: str
    told: str


def validate_data(task: Task, setting: Setting) -> Finding:
    """Whether a task can be prepared from its data: files read, columns there, classes not empty.

    Args:
        task: With its options at their defaults.
        setting: Data folder, limit and seed.
    """
    missing = task.missing(setting)
    if missing is not None:
        return Finding(task.name, "missing", missing)
    try:
        plan = task.prepare(task.with_options(setting, {}))
        counts = ", ".join(f"{len(items_of(each)):,} {name}" for name, each in plan.requests.items())
        digests = data_digests(setting, task.needs)
    except CistronError as error:
        return Finding(task.name, "damaged", str(error))
    hashes = ", ".join(f"{Path(name).name} {sha256[:12]}" for name, sha256 in digests.items())
    return Finding(task.name, "ok", f"{counts}; {hashes}" if hashes else counts)


def validate_results(folder: Path) -> list[Finding]:
    """Whether every row of a folder of results is whole and its main metric is that of its items.

    Raises:
        InputError: The folder holds no results.
    """
    described = sorted(folder.rglob(TASK_FILE))
    if not described:
        raise InputError(f"{folder} holds no results of cistron eval")
    versions = {task.name: task.version for task in all_tasks()}
    return [found for path in described for found in _rows_of(path, versions)]


def _rows_of(path: Path, versions: dict[str, int]) -> Iterator[Finding]:
    try:
        content = read_task_file(path)
        names, version = list(content["rows"]), content["version"]
    except (InputError, KeyError) as error:
        yield Finding(str(path), "damaged", str(error))
        return
    for name in names:
        label = f"{content['task']}: {Path(name).stem}"
        try:
            row = load_row(path.parent / name)
        except InputError as error:
            yield Finding(label, "damaged", str(error))
            continue
        wrong = _wrong(row) or _outdated(row, version, versions)
        yield Finding(label, "damaged" if wrong else "ok", wrong or _said(row))


def _said(row: Row) -> str:
    if row.outcome is None:
        return f"no numbers: {row.skipped}"
    return f"{row.outcome.main.name} {row.outcome.main.value:.4f}"


def _outdated(row: Row, version: int, versions: dict[str, int]) -> str | None:
    if row.version != version:
        return f"the row is of version {row.version}, its task of version {version}"
    known = versions.get(row.task, version)
    return (
        None
        if known == version
        else f"of version {version}; the task is now of version {known}; run it again"
    )


def _wrong(row: Row) -> str | None:
    """What the items say otherwise than the main metric; None when they agree or cannot tell."""
    if row.outcome is None:
        return None
    metric: Metric = row.outcome.main
    measure = MEASURES.get(metric.name)
    columns = {name: np.asarray(values) for name, values in row.outcome.items.items()}
    if measure is None or any(name not in columns for name in measure.columns):
        return None
    items = columns.get("item", columns[measure.columns[0]])
    if len(np.unique(items)) < len(items):
        return f"{len(items) - len(np.unique(items))} items occur twice"
    if math.isnan(metric.value):
        return None
    found = value_of(measure.on(columns), len(items))
    if not math.isclose(found, metric.value, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        return f"{metric.name} is {metric.value:.6f}, but its items give {found:.6f}"
    return None
