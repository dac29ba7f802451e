"""Which rows of a task on genes can be used: those whose DNA is at hand, each once, no rare classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cistron.errors import InputError
from cistron.evals.genes.atlas import Atlas
from cistron.evals.genes.cutting import Cutting, Pieces
from cistron.formats.gene_tasks import GeneTask

LEAST: Final = 10
"""Covered rows that a class must have."""

LEAST_MARKED: Final = 30
"""Covered rows that a mark must have; two fifths of them are told."""


@dataclass(frozen=True)
class Covered:
    """The rows of a task whose genes can be read.

    Attributes:
        task: Those rows.
        pieces: The windows of their genes.
        notes: What was left out, in words.
    """

    task: GeneTask
    pieces: Pieces
    notes: tuple[str, ...]


def covered(task: GeneTask, atlas: Atlas, cutting: Cutting) -> Covered:
    """The rows whose genes the atlas has and the region cuts, without rare classes or marks.

    Raises:
        InputError: Nothing is left.
    """
    task, repeated = _once(task)
    pieces = cutting.cut((name for row in task.entities for name in row), atlas)
    kept = task.rows([at for at, row in enumerate(task.entities) if all(name in pieces for name in row)])
    if not len(kept):
        raise InputError(f"{task.name}: the DNA of none of its {len(task):,} rows is at hand")
    least = LEAST_MARKED if len(task.columns) > 1 else LEAST
    frequent, rare = without_rare(kept, least)
    genes = {name for row in task.entities for name in row}
    known = sum(name in pieces for name in genes)
    notes = [
        f"{len(kept):,} of {len(task):,} rows covered: DNA of {known:,} of {len(genes):,} genes is at hand"
    ]
    if repeated:
        notes.append(f"{repeated:,} rows that repeat or contradict others left out")
    return Covered(frequent, pieces, (*notes, *rare_note(rare, least)))


def _once(task: GeneTask) -> tuple[GeneTask, int]:
    """The task with each row once, none of those that come with several outcomes, and how many are less.

    A pair is the same either way round.
    """
    said: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    first: dict[tuple[str, ...], int] = {}
    for at, (entities, outcome) in enumerate(zip(task.entities, task.outcomes, strict=True)):
        row = tuple(sorted(entities)) if len(set(task.kinds)) == 1 else entities
        said.setdefault(row, set()).add(outcome)
        first.setdefault(row, at)
    kept = [at for row, at in first.items() if len(said[row]) == 1]
    return task.rows(kept), len(task) - len(kept)


def without_rare(task: GeneTask, least: int) -> tuple[GeneTask, list[str]]:
    """The task without its rare classes, or rare marks, and their names.

    Raises:
        InputError: All are rare.
    """
    if len(task.columns) > 1:
        sums = [sum(row[column] == "1" for row in task.outcomes) for column in range(len(task.columns))]
        kept = [column for column, count in enumerate(sums) if count >= least]
        if not kept:
            raise InputError(f"{task.name}: none of its {len(sums)} marks has {least} rows; use more")
        return task.columns_at(kept), [task.columns[at] for at in range(len(sums)) if at not in kept]
    counts = Counter(row[0] for row in task.outcomes)
    rare = sorted(name for name, count in counts.items() if count < least)
    if len(rare) == len(counts):
        raise InputError(f"{task.name}: none of its {len(counts)} classes has {least} rows; use more")
    return task.rows([at for at, row in enumerate(task.outcomes) if row[0] not in rare]), rare


def rare_note(rare: Sequence[str], least: int) -> tuple[str, ...]:
    """What a report says of classes or marks that were left out; nothing where none were."""
    return (f"left out, with fewer than {least} rows: {', '.join(rare)}",) if rare else ()


def sampled(task: GeneTask, most: int | None, seed: int, border: int | None) -> tuple[GeneTask, int | None]:
    """At most so many rows, of either side of the border."""
    random = np.random.default_rng(seed)
    sides = [(0, len(task))] if border is None else [(0, border), (border, len(task))]
    chosen = [sorted(random.permutation(np.arange(*side))[: most or None].tolist()) for side in sides]
    return task.rows([at for side in chosen for at in side]), None if border is None else len(chosen[0])
