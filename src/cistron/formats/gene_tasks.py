"""Tasks of gene-benchmark on disk: which genes, and what is to be told of them.

A task is a folder with `entities.csv` (one row an item; a column for each gene or other entity of it, whose
headers may repeat: `symbol,symbol`) and `outcomes.csv` (one column with a class or number, or one column of 0
and 1 for each label). Row i of one belongs to row i of the other. A folder without `entities.csv` takes that
of the nearest folder above. Cells are text: `NA` is a gene.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cistron.errors import InputError, UnknownNameError
from cistron.formats.atomic import atomic_output
from cistron.formats.labelled_sequences import text_of
from cistron.registry import unknown

ENTITIES: Final = "entities.csv"
OUTCOMES: Final = "outcomes.csv"

COLUMN_SIGN: Final = ";"
"""Between the name of a task and one of its columns, in `Pathways;Apoptosis`."""

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class GeneTask:
    """A task with its rows.

    Attributes:
        name: Folder below the tasks' folder, with slashes.
        kinds: What each column of `entities` holds: `symbol`, `diseaseId`; may repeat.
        entities: One row an item.
        columns: Names of the outcomes.
        outcomes: One row an item.
    """

    name: str
    kinds: tuple[str, ...]
    entities: Rows
    columns: tuple[str, ...]
    outcomes: Rows

    def __len__(self) -> int:
        return len(self.entities)

    def rows(self, at: Sequence[int]) -> GeneTask:
        """The task with these rows alone, in that order."""
        return replace(
            self,
            entities=tuple(self.entities[row] for row in at),
            outcomes=tuple(self.outcomes[row] for row in at),
        )

    def columns_at(self, at: Sequence[int]) -> GeneTask:
        """The task with these outcomes alone."""
        return replace(
            self,
            columns=tuple(self.columns[column] for column in at),
            outcomes=tuple(tuple(row[column] for column in at) for row in self.outcomes),
        )


def read_gene_task(folder: str | Path, name: str) -> GeneTask:
    """The task `name` of a folder of tasks; `name;column` is one outcome of it alone.

    Raises:
        UnknownNameError: There is no such task or column; the message suggests others.
        InputError: A file is missing, empty, cut short or not UTF-8 text, or the two do not have equally many
            rows.
    """
    folder, (path, _, column) = Path(folder), name.partition(COLUMN_SIGN)
    below = folder / path
    if not (below / OUTCOMES).is_file():
        raise UnknownNameError(unknown(f"task of {folder}", path, gene_task_names(folder)))
    kinds, entities = _table(_entities_of(folder, below))
    columns, outcomes = _table(below / OUTCOMES)
    if len(entities) != len(outcomes):
        raise InputError(
            f"task '{path}' has {len(entities):,} rows of entities and {len(outcomes):,} of outcomes; row by"
            " row they must belong together"
        )
    task = GeneTask(path, kinds, entities, columns, outcomes)
    if not column:
        return task
    if column not in columns:
        raise UnknownNameError(unknown(f"outcome of task '{path}'", column, columns))
    return task.columns_at([columns.index(column)])


def write_gene_task(folder: str | Path, task: GeneTask) -> Path:
    """Write a task below a folder of tasks, and return its own folder.

    Raises:
        InputError: Its name leads out of the folder.
        OutputError: The folder cannot be written.
    """
    below = Path(folder) / task.name
    if not task.name or Path(task.name).is_absolute() or ".." in Path(task.name).parts:
        raise InputError(f"'{task.name}' is no name of a task; it must be a folder below {folder}")
    below.mkdir(parents=True, exist_ok=True)
    tables = {ENTITIES: (task.kinds, *task.entities), OUTCOMES: (task.columns, *task.outcomes)}
    for file, rows in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        with atomic_output(below / file) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")
    return below


def gene_task_names(folder: str | Path) -> list[str]:
    """Names of the tasks in a folder, nested ones too, in alphabetical order.

    Raises:
        InputError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder of tasks {folder}")
    return sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob(OUTCOMES))


def _entities_of(folder: Path, below: Path) -> Path:
    """The nearest `entities.csv` between a task and the folder of all tasks."""
    for place in (below, *below.parents):
        if (place / ENTITIES).is_file():
            return place / ENTITIES
        if place == folder:
            break
    raise InputError(f"{below} has no {ENTITIES}, and neither has a folder above it")


def _table(path: Path) -> tuple[tuple[str, ...], Rows]:
    with text_of(path) as stream:
        header, *rows = [tuple(row) for row in csv.reader(stream) if row] or [()]
    if not rows:
        raise InputError(f"{path} holds no rows below its header")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header) or not all(row):
            raise InputError(
                f"{path}: line {number} has {sum(map(bool, row))} filled cells for {len(header)} columns; it"
                " may be cut short"
            )
    return header, tuple(rows)
