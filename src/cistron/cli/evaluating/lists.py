"""What `cistron eval ls`, `compare` and `audit` print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from cistron.cli.progress import note
from cistron.errors import InputError
from cistron.evals import EmbedRequest, Setting, Task
from cistron.evals.catalogue import all_tasks, find_tasks
from cistron.evals.requests import item_key
from cistron.formats.fasta_output import fasta_record, text_output

if TYPE_CHECKING:
    from cistron.evals.compare import Comparison


def list_tasks(patterns: Sequence[str], data: Path | None, *, as_json: bool) -> None:
    """Print the tasks that the patterns mean, all without any.

    Raises:
        UnknownNameError: A pattern means no task.
    """
    setting = Setting.usual(data)
    tasks = find_tasks(patterns) if patterns else all_tasks()
    if as_json:
        print(json.dumps([_described(task, setting) for task in tasks], indent=2))
        return
    wide = max(len(task.name) for task in tasks)
    named = max(len(task.metric) for task in tasks)
    for task in tasks:
        missing = task.missing(setting)
        state = "" if missing is None else f"  ({missing.partition(':')[0]})"
        print(f"{task.name:{wide}}  {task.metric:{named}}  {task.summary}{state}")
    ready = sum(task.missing(setting) is None for task in tasks)
    more = "" if setting.data else "; give the data folder with --data or CISTRON_DATA"
    note(f"{ready} of {len(tasks)} tasks can run here{more}")


def _described(task: Task, setting: Setting) -> dict[str, object]:
    return {
        "name": task.name,
        "version": task.version,
        "metric": task.metric,
        "summary": task.summary,
        "source": task.source,
        "licence": task.licence,
        "suites": list(task.suites),
        "options": dict(task.options),
        "needs": list(task.needs),
        "missing": task.missing(setting),
    }


def print_comparisons(comparisons: Sequence[Comparison], *, as_json: bool) -> None:
    """Print one line a comparison."""
    if as_json:
        print(json.dumps([{**asdict(each), "verdict": each.verdict} for each in comparisons], indent=2))
        return
    table = Table(
        "task", "metric", "A", "B", "A − B", "95 % interval", "p (Holm)", "items", "blocks", "verdict",
        box=None, pad_edge=False,
    )  # fmt: skip
    for each in comparisons:
        low, high = each.difference.low, each.difference.high
        table.add_row(
            each.task,
            each.metric,
            f"{each.first} {each.values[0]:.4f}",
            f"{each.second} {each.values[1]:.4f}",
            f"{each.difference.estimate:+.4f}",
            f"[{low:+.4f}, {high:+.4f}]",
            f"{each.adjusted:.3g}",
            f"{each.items:,}",
            f"{each.blocks:,}",
            {"first": "A is better", "second": "B is better", "tie": "tie"}[each.verdict],
        )
    Console().print(table)


def print_audits(
    patterns: Sequence[str], data: Path | None, limit: int | None, seed: int, *, as_json: bool
) -> None:
    """Print what the audit of each task's split finds.

    Raises:
        CistronError: A task's data is missing or damaged.
    """
    setting = Setting.usual(data, seed=seed, limit=limit)
    found = {task.name: task.prepare(task.with_options(setting, {})).badges for task in find_tasks(patterns)}
    if as_json:
        print(
            json.dumps(
                {name: [asdict(badge) for badge in badges] for name, badges in found.items()}, indent=2
            )
        )
        return
    table = Table("task", "verdict", "finding", box=None, pad_edge=False)
    for name, badges in found.items():
        for badge in badges:
            table.add_row(name, badge.verdict, badge.finding)
        if not badges:
            table.add_row(name, "not audited", "the task has no training part")
    Console().print(table)


def print_validation(
    patterns: Sequence[str],
    results: Path | None,
    data: Path | None,
    limit: int | None,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Print what validation finds, one line a task or row.

    Raises:
        InputError: Something is damaged; names the first.
    """
    from cistron.evals.validate import validate_data, validate_results

    if results is not None:
        found = validate_results(results)
    else:
        setting = Setting.usual(data, seed=seed, limit=limit)
        tasks = find_tasks(patterns) if patterns else all_tasks()
        found = [validate_data(task, setting) for task in tasks]
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(f"{each.verdict:8} {each.name}  {each.told}")
    damaged = [each for each in found if each.verdict == "damaged"]
    if damaged:
        raise InputError(f"{len(damaged)} of {len(found)} are damaged, the first {damaged[0].name}")


def export_sequences(
    patterns: Sequence[str], output: Path, data: Path | None, limit: int | None, seed: int
) -> None:
    """Write every sequence that the tasks want embedded, once, named by its address.

    Raises:
        CistronError: A task's data is missing or damaged, no task embeds anything, or `output` cannot be
            written.
    """
    setting = Setting.usual(data, seed=seed, limit=limit)
    found: dict[str, str] = {}
    for task in find_tasks(patterns):
        requests = task.prepare(task.with_options(setting, {})).requests.values()
        wanted = [request.sequences for request in requests if isinstance(request, EmbedRequest)]
        if not wanted:
            note(f"{task.name} embeds nothing")
        found.update((item_key(each).hex(), each) for sequences in wanted for each in sequences)
    if not found:
        raise InputError("none of the tasks embeds sequences; nothing to export")
    with text_output(str(output)) as write:
        for name, sequence in found.items():
            write(fasta_record(name, sequence))
    note(f"wrote {len(found):,} sequences to {output}")
