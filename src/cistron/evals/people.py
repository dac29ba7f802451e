"""Examples that belong to people: nobody on both sides, and no haplotype either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cistron.errors import InputError
from cistron.evals.probing.examples import Examples, Fold, Indices, group_folds
from cistron.formats.labelled_sequences import Labelled


def by_person(records: Sequence[Labelled], people: Sequence[str], *, folds: int = 5, seed: int) -> Examples:
    """Folds that split people, each fitted without the sequences that its test part has too.

    Common haplotypes connect almost everybody, so that no split keeps both people and haplotypes together;
    instead of moving people, a fold leaves what its test people have out of its training part.

    Args:
        records: Haplotypes.
        people: Whose each is.
        folds: Turns.
        seed: Of the folds.

    Raises:
        InputError: There are too few people.
    """
    examples = _examples(records, people)
    made = group_folds(examples.labels, examples.groups, "classes", folds=folds, seed=seed)
    apart = tuple(Fold(_without_copies(examples, fold), fold.test) for fold in made)
    return replace(examples, folds=apart)


def by_sequence(records: Sequence[Labelled], people: Sequence[str], *, folds: int = 5, seed: int) -> Examples:
    """Folds that split sequences and look at nothing else, as published.

    The same person, and the same haplotype, is on both sides.

    Arguments and errors are those of `by_person`.
    """
    examples = _examples(records, people)
    alone = np.arange(len(records))
    return replace(examples, folds=group_folds(examples.labels, alone, "classes", folds=folds, seed=seed))


def given_away(examples: Examples) -> tuple[int, int]:
    """How many tested sequences are in the training part of their fold, and whose person is."""
    copies = people = 0
    for fold in examples.folds:
        known = {examples.sequences[at] for at in fold.train}
        copies += sum(examples.sequences[at] in known for at in fold.test)
        people += int(np.isin(examples.groups[fold.test], examples.groups[fold.train]).sum())
    return copies, people


def _without_copies(examples: Examples, fold: Fold) -> Indices:
    tested = {examples.sequences[at] for at in fold.test}
    kept = np.array([at for at in fold.train if examples.sequences[at] not in tested], dtype=np.intp)
    if len(np.unique(examples.labels[kept])) < len(examples.classes):
        raise InputError(
            "the training part of a fold lacks a class once the haplotypes of its test part are left out; use"
            " a wider window or more people"
        )
    return kept


def _examples(records: Sequence[Labelled], people: Sequence[str]) -> Examples:
    classes = tuple(sorted({record.label for record in records}))
    if len(classes) < 2:
        raise InputError(f"{len(records)} haplotypes of one class alone; a probe needs two classes")
    return Examples(
        tuple(record.name for record in records),
        tuple(record.sequence for record in records),
        np.array([classes.index(record.label) for record in records]),
        classes,
        np.unique(np.asarray(people), return_inverse=True)[1],
        (),
    )
