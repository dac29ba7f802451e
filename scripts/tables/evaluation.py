"""The shipped model on every task, beside its random twin and the best row that needs no trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

SIGNS = {"better": "▲", "tie": "=", "worse": "▼"}
SHIPPED = "default"
UNTRAINED = ("baseline", "markov", "twin")


def TABLE(results: Any) -> str:
    tasks = results["tasks"]
    parts = [_verdicts(tasks), _measured(tasks), _published(tasks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdicts(tasks: Sequence[Any]) -> str:
    """On which tasks the shipped model is better, on a par or worse, a line each."""
    found: dict[str, list[str]] = {verdict: [] for verdict in SIGNS}
    for task in tasks:
        model = _model(task)
        if model is not None and model["verdict"]:
            found[model["verdict"]].append(task["task"])
    words = {
        "better": "better than the best row without a trained model",
        "tie": "not to be told from it",
        "worse": "worse than it",
    }
    lines = [f"- {what}: {len(found[verdict])}{_names(found[verdict])}" for verdict, what in words.items()]
    total = sum(map(len, found.values()))
    return "\n".join([f"On {total} tasks the shipped model can be compared item by item. It is", "", *lines])


def _model(task: Any) -> Any:
    """The row of the shipped model; the first of models where it is not there."""
    models = [row for row in task["rows"] if row["kind"] == "model"]
    return next((row for row in models if row["row"] == SHIPPED), models[0] if models else None)


def _names(names: Sequence[str]) -> str:
    """Task names, those of one file together."""
    files = Counter(name.partition("/")[0] for name in names)
    told = [f"`{file}`" + (f" × {count}" if count > 1 else "") for file, count in files.items()]
    return f" ({', '.join(told)})" if told else ""


def _measured(tasks: Sequence[Any]) -> str:
    lines = [
        "| task | metric | n | split | shipped model | random weights | best without a trained model | which |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in tasks:
        model = _model(task)
        twin = next((row for row in task["rows"] if row["kind"] == "twin"), None)
        best = _best(task["rows"])
        n = "" if model is None or model["n"] is None else f"{model['n']:,}"
        lines.append(
            f"| `{task['task']}` | {task['metric']} | {n} | {task['badge']} | {_cell(model)} | {_cell(twin)} |"
            f" {_cell(best)} | {'' if best is None else best['row']} |"
        )
    return "\n".join([*lines, *_shortened(tasks)])


def _shortened(tasks: Sequence[Any]) -> list[str]:
    """Which tasks used a part of their items."""
    limits: dict[int, list[str]] = {}
    for task in tasks:
        if task["limit"]:
            limits.setdefault(task["limit"], []).append(task["task"])
    return [
        line
        for limit, names in sorted(limits.items())
        for line in (
            "",
            f"At most {limit:,} items to fit on and as many to tell, drawn at random{_names(names)}.",
        )
    ]


def _best(rows: Sequence[Any]) -> Any:
    """The best of the rows that need no trained model, by the main metric."""
    known = [row for row in rows if row["kind"] in UNTRAINED and row["value"] is not None]
    return max(known, key=lambda row: row["value"] * (1 if row["higher_is_better"] else -1), default=None)


def _cell(row: Any) -> str:
    if row is None:
        return "–"
    if row["value"] is None:
        return row["skipped"] or "–"
    interval = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
    sign = SIGNS.get(row["verdict"], "")
    return f"{row['value']:.3f}{interval} {sign}".strip().replace("-", "−")


def _published(tasks: Sequence[Any]) -> str:
    lines = [
        f"| `{task['task']}` | {each['model']} | {each['value']} | {each['metric']} | {each['protocol'] or 'not stated'} |"
        f" {each['source']} |"
        for task in tasks
        for each in task["published"]
    ]
    if not lines:
        return ""
    head = [
        "Published by others, not measured here, on other data or splits and often by an unnamed metric:",
        "",
        "| task | model | value | metric as named | protocol | source |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines])
