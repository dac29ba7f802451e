"""One row of a task's table on disk: its numbers as JSON, its items as Parquet beside it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.outcome import Metric, Outcome
from cistron.formats.atomic import atomic_output
from cistron.formats.items import read_items, write_items

Kind = Literal["model", "twin", "markov", "control", "baseline"]


@dataclass(frozen=True)
class Row:
    """What one model, baseline or control reached on a task, or why it has no numbers.

    Attributes:
        task: Name of the task.
        version: Of the task.
        name: Of the row; unique in its task.
        kind: `model` was asked for; `twin` is a random model of the same architecture; `markov` was fitted;
            `control` uses a model's answers; `baseline` uses no model.
        statement: What it is, in one line.
        outcome: None when there are no numbers.
        skipped: Why not, in one line.
        identity: Everything the numbers depend on.
        facts: What to say of the model.
    """

    task: str
    version: int
    name: str
    kind: Kind
    statement: str = ""
    outcome: Outcome | None = None
    skipped: str | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


def row_path(folder: Path, name: str) -> Path:
    """Where the row called `name` lies in the folder of its task, beside `task.json`."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "row"
    return folder / f"{plain if plain != 'task' else 'task-row'}.json"


def save_row(folder: Path, row: Row) -> Path:
    """Write a row and its items, and return the path of the former.

    Raises:
        OutputError: The folder cannot be written.
    """
    path = row_path(folder, row.name)
    content = {
        "task": row.task,
        "version": row.version,
        "row": row.name,
        "kind": row.kind,
        "statement": row.statement,
        "skipped": row.skipped,
        "metrics": [] if row.outcome is None else [_metric(m) for m in row.outcome.metrics],
        "notes": [] if row.outcome is None else list(row.outcome.notes),
        "items": None,
        "model": dict(row.facts),
        "identity": dict(row.identity),
    }
    if row.outcome is not None and row.outcome.items:
        items = path.with_suffix(".parquet")
        write_items(items, row.outcome.items, {"cistron.task": row.task, "cistron.row": row.name})
        content["items"] = items.name
    with atomic_output(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def load_row(path: Path) -> Row:
    """Read a row with its items.

    Raises:
        InputError: It is not the JSON of a row, or its items are missing.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        metrics = tuple(Metric(**{**m, "value": _number(m["value"])}) for m in content["metrics"])
        items = {} if content["items"] is None else read_items(path.with_name(content["items"]))
        outcome = Outcome(metrics, items, tuple(content["notes"])) if metrics else None
        return Row(
            content["task"],
            content["version"],
            content["row"],
            content["kind"],
            content["statement"],
            outcome,
            content["skipped"],
            content["identity"],
            content["model"],
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{path} is not a result of cistron eval: {problem!r}") from None


def _metric(metric: Metric) -> dict[str, Any]:
    values = asdict(metric)
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """A value JSON can hold: NaN is null, numpy's numbers are Python's."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def item_column(row: Row, name: str) -> NDArray[Any] | None:
    """A column of the row's items, None when there is none."""
    if row.outcome is None or name not in row.outcome.items:
        return None
    return np.asarray(row.outcome.items[name])
