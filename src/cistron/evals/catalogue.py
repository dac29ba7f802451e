"""Tasks by name, file, suite or glob."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from cistron.errors import UnknownNameError
from cistron.evals import TASKS
from cistron.evals.task import Task
from cistron.registry import unknown


def tasks_of(file: str) -> tuple[Task, ...]:
    """The tasks of one file of `evals/tasks`, by its registry name.

    Raises:
        UnknownNameError: No such file.
    """
    found = TASKS.get(file)
    return (found,) if isinstance(found, Task) else tuple(found)


def all_tasks() -> list[Task]:
    """Every task, files in order of their names and each file's tasks in its own order."""
    return [task for file in TASKS.names() for task in tasks_of(file)]


def find_tasks(patterns: Iterable[str]) -> list[Task]:
    """Tasks that any of the patterns means, each once, in catalogue order.

    A pattern is a task's name, a suite, the first part of names (`gue`, `gue/tf`), or a glob (`gue/*/1`).

    Raises:
        UnknownNameError: A pattern means no task.
    """
    known, chosen = all_tasks(), set()
    for pattern in patterns:
        meant = [task.name for task in known if _means(pattern, task)]
        if not meant:
            names = {task.name for task in known} | {suite for task in known for suite in task.suites}
            raise UnknownNameError(unknown("task or suite", pattern, names))
        chosen.update(meant)
    return [task for task in known if task.name in chosen]


def _means(pattern: str, task: Task) -> bool:
    below = task.name.startswith(pattern.rstrip("/") + "/")
    return below or task.name == pattern or pattern in task.suites or fnmatchcase(task.name, pattern)
