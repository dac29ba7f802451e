"""Labelled sequences and how they are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int, Num
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.formats.labelled_sequences import Labelled
from cistron.genome.sequence import reverse_complement

Indices = NDArray[np.intp]

Kind = Literal["classes", "marks", "numbers"]
"""Each example has one of several classes, any of several marks, or a number."""


@dataclass(frozen=True)
class Fold:
    """One round: what is fitted on, and what is then told.

    Attributes:
        train: Indices of examples.
        test: Indices of examples; none is in two folds' `test`.
    """

    train: Indices
    test: Indices


@dataclass(frozen=True)
class Examples:
    """Labelled sequences with their split.

    Attributes:
        names: One for each, unique.
        sequences: Upper-case bases.
        labels: 0, 1, …, in the order of `classes`; of marks one column each, 0 or 1; or numbers.
        classes: Name of each class or mark; of two classes, the second is the positive one. None of numbers.
        groups: What belongs together, as a number; equal sequences, on either strand, do at least.
        folds: The split.
        kind: What labels are.
    """

    names: tuple[str, ...]
    sequences: tuple[str, ...]
    labels: Num[np.ndarray, "N *marks"]
    classes: tuple[str, ...]
    groups: Int[np.ndarray, "N"]
    folds: tuple[Fold, ...]
    kind: Kind = "classes"

    @property
    def tested(self) -> Indices:
        """Indices of everything that is told once."""
        return np.concatenate([fold.test for fold in self.folds])

    def only(self, rows: Bool[np.ndarray, "N"]) -> Examples:
        """Some of the examples, each in its fold.

        Raises:
            InputError: None of them is told.
        """
        at, place = np.flatnonzero(rows), np.cumsum(rows) - 1
        sides = [[place[side[rows[side]]] for side in (fold.train, fold.test)] for fold in self.folds]
        folds = tuple(Fold(train, test) for train, test in sides if len(test))
        if not folds:
            raise InputError(f"none of the {len(rows):,} examples that are told is left")
        return replace(
            self,
            names=tuple(self.names[i] for i in at),
            sequences=tuple(self.sequences[i] for i in at),
            labels=self.labels[at],
            groups=self.groups[at],
            folds=folds,
        )


def official_split(
    train: Sequence[Labelled], test: Sequence[Labelled], *, limit: int | None, seed: int
) -> Examples:
    """Examples that come in two parts: fitted on one, told of the other.

    Args:
        train: One part.
        test: The other.
        limit: Most examples of each part, sampled; None is all.
        seed: Of the sample.

    Raises:
        InputError: A part has fewer than two classes, or a class of `test` is not in `train`.
    """
    parts = {"train": _sampled(train, limit, seed), "test": _sampled(test, limit, seed + 1)}
    classes = _classes(parts["train"])
    for record in parts["test"]:
        if record.label not in classes:
            raise InputError(f"class '{record.label}' of the test part does not occur in the training part")
    rows = [*parts["train"], *parts["test"]]
    names = tuple(f"{part}:{record.name}" for part, records in parts.items() for record in records)
    border = len(parts["train"])
    fold = Fold(np.arange(border), np.arange(border, len(rows)))
    return _examples(names, rows, classes, (fold,))


def cross_validation(
    records: Sequence[Labelled],
    *,
    folds: int = 5,
    limit: int | None,
    seed: int,
    groups: Sequence[str] | None = None,
) -> Examples:
    """Examples that come in one part: told of in turns, each time fitted on the others.

    Groups stay on one side, and so do equal sequences.

    Args:
        records: All of them.
        folds: Turns; fewer where there are fewer groups, or fewer examples of the rarest class.
        limit: Most examples, sampled; None is all.
        seed: Of the sample and of the folds.
        groups: What belongs together, such as genes; one for each record.

    Raises:
        InputError: There are fewer than two classes, or too few examples for two folds.
    """
    chosen = drawn(len(records), limit, seed)
    rows = [records[at] for at in chosen]
    classes = _classes(rows)
    labels = np.array([classes.index(row.label) for row in rows])
    named = None if groups is None else [groups[at] for at in chosen]
    numbers = grouped([row.sequence for row in rows], named)
    made = group_folds(labels, numbers, "classes", folds=folds, seed=seed)
    return Examples(
        tuple(row.name for row in rows), tuple(row.sequence for row in rows), labels, classes, numbers, made
    )


def group_folds(
    labels: Num[np.ndarray, "N *marks"],
    groups: Int[np.ndarray, "N"],
    kind: Kind,
    *,
    folds: int = 5,
    seed: int,
) -> tuple[Fold, ...]:
    """Folds that keep groups on one side, with equal shares of classes where there are classes.

    Args:
        labels: As in `Examples`.
        groups: What belongs together, as numbers.
        kind: What labels are.
        folds: Turns; fewer where there are fewer groups, or fewer examples of the rarest class.
        seed: Of the folds.

    Raises:
        InputError: There are too few examples for two folds.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    blocks = len(np.unique(groups))
    smallest = int(np.bincount(labels).min()) if kind == "classes" else blocks
    folds = min(folds, blocks, smallest)
    if folds < 2:
        rare = f", {smallest} of them in the rarest class," if kind == "classes" else ""
        raise InputError(f"{len(labels)} examples in {blocks} groups{rare} are too few to split; use more")
    splitter: Any = StratifiedGroupKFold if kind == "classes" else GroupKFold
    made = splitter(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    return tuple(Fold(train, test) for train, test in made)


def _examples(
    names: tuple[str, ...], rows: Sequence[Labelled], classes: tuple[str, ...], folds: tuple[Fold, ...]
) -> Examples:
    labels = np.array([classes.index(row.label) for row in rows])
    sequences = tuple(row.sequence for row in rows)
    return Examples(names, sequences, labels, classes, grouped(sequences), folds)


def _classes(rows: Sequence[Labelled]) -> tuple[str, ...]:
    classes = tuple(sorted({row.label for row in rows}))
    if len(classes) < 2:
        raise InputError(
            f"all {len(rows)} training examples are of class '{classes[0]}'; a probe needs two classes"
        )
    return classes


def _sampled(rows: Sequence[Labelled], limit: int | None, seed: int) -> list[Labelled]:
    return [rows[at] for at in drawn(len(rows), limit, seed)]


def drawn(count: int, limit: int | None, seed: int) -> list[int]:
    """Numbers of a random sample, in order."""
    if limit is None or limit >= count:
        return list(range(count))
    return sorted(np.random.default_rng(seed).choice(count, size=limit, replace=False).tolist())


def grouped(sequences: Sequence[str], named: Sequence[str] | None = None) -> Int[np.ndarray, "N"]:
    """A number for each connected set of sequences that are equal on either strand or have equal names."""
    parent = list(range(len(sequences)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[str, int] = {}
    for at, sequence in enumerate(sequences):
        keys = ["s" + min(sequence, reverse_complement(sequence))]
        keys += [] if named is None else ["n" + named[at]]
        for key in keys:
            parent[root(at)] = root(first.setdefault(key, at))
    return np.array([root(at) for at in range(len(sequences))])
