from __future__ import annotations

import numpy as np

from cistron.evals.genes.recall import told_by_genes, told_by_neighbour
from cistron.evals.probing.examples import Examples, Fold

TEXTS = ("AAAACCCC", "GGGGTTTT", "AAAACCCG", "CACACACA")
EXAMPLES = Examples(
    tuple("0123"),
    TEXTS,
    np.array([0, 1, 0, 1]),
    ("no", "yes"),
    np.arange(4),
    (Fold(np.array([0, 1]), np.array([2, 3])),),
)


def test_the_neighbour_is_the_training_text_with_most_shared_words() -> None:
    told = told_by_neighbour(EXAMPLES, word=4)
    np.testing.assert_array_equal(told.values, [[1, 0], [0.5, 0.5]])


def test_an_item_is_told_by_what_its_genes_had_in_the_training_part_alone() -> None:
    told = told_by_genes([("A", "B"), ("C",), ("A",), ("new",)], EXAMPLES)
    np.testing.assert_allclose(told.values, [[2 / 3, 1 / 3], [0.5, 0.5]])
