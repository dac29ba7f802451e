"""What a table of genes, or of sequences, recalls: how much a test part repeats its training part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from cistron.evals.probing.examples import Examples
from cistron.evals.probing.fit import Told

WORD: Final = 64
"""Bases of a word; two genes of one family share few that long."""


def told_by_genes(rows: Sequence[tuple[str, ...]], examples: Examples) -> Told:
    """Each item by the classes that its genes have in the training part, the mean over its genes.

    A gene counts one of each class more than it was seen with; one never seen has the shares of all classes.

    Args:
        rows: The genes of each item.
        examples: The items.
    """
    parts = []
    for fold in examples.folds:
        even = np.ones(len(examples.classes))
        seen: dict[str, Float[np.ndarray, "K"]] = {}
        for at in fold.train:
            for name in rows[at]:
                seen[name] = seen.get(name, even) + np.eye(len(even))[examples.labels[at]]
        default = np.bincount(examples.labels[fold.train], minlength=len(even))
        counts = [[seen.get(name, default) for name in rows[at]] for at in fold.test]
        parts.append([np.mean([each / each.sum() for each in row], axis=0) for row in counts])
    return Told(examples.tested, np.concatenate(parts))


def told_by_neighbour(examples: Examples, word: int = WORD) -> Told:
    """Each item by the training item that has most of its words; shares of all classes where none has any."""
    held = _words(examples.sequences, word)
    rows = []
    for fold in examples.folds:
        for shared in (held[fold.test] @ held[fold.train].T).toarray():
            told_by = fold.train[[shared.argmax()]] if shared.any() else fold.train
            counts = np.bincount(examples.labels[told_by], minlength=len(examples.classes))
            rows.append(counts / counts.sum())
    return Told(examples.tested, np.array(rows))


def _words(texts: Sequence[str], length: int) -> Any:
    """A sparse matrix with a row a text and a column a word, 1 where the text has it."""
    from scipy.sparse import csr_array

    numbers: dict[str, int] = {}
    columns = [
        [*{numbers.setdefault(text[at : at + length], len(numbers)) for at in range(len(text) - length + 1)}]
        for text in texts
    ]
    ends = np.cumsum([0, *map(len, columns)])
    found = np.concatenate([np.array(row, dtype=np.int64) for row in columns])
    return csr_array((np.ones(len(found), dtype=np.int32), found, ends), shape=(len(texts), len(numbers)))
