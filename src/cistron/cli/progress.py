"""Progress bars, on stderr and only where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[[int], None]


class _Rate(ProgressColumn):
    """Units a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f} {self._unit}/s")


@contextmanager
def progress_bar(title: str, total: int, unit: str, *, done: int = 0) -> Iterator[Advance]:
    """Give a function to call with the number of units that were just finished.

    Args:
        title: What is going on.
        total: Units in all.
        unit: Their name, in the plural.
        done: Units that an earlier run has finished.
    """
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda units: progress.advance(task, units)


@contextmanager
def progress_of(title: str, *, shown: bool = True) -> Iterator[Callable[[int, int, str], None]]:
    """Give a function to call with what is done, what there is in all, and a short note.

    Args:
        title: What is going on.
        shown: Draw nothing when false, as in all but one of several processes.
    """
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not (shown and sys.stderr.isatty())) as progress:
        task = progress.add_task(title, total=None, note="")

        def show(done: int, total: int, text: str) -> None:
            progress.update(task, completed=done, total=total, note=text)

        yield show


def note(text: str) -> None:
    """One line on stderr that is neither result nor error."""
    print(f"cistron: {text}", file=sys.stderr)
