"""Answers without a model: what the labels, the gene or similar sequences say alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cistron.fusion.parts import Example, words_of

WORD = 12
"""Bases of a word of the nearest neighbour."""


def majority(train: Sequence[Example], test: Sequence[Example]) -> list[str | None]:
    """The most frequent answer of the training part, whatever is asked."""
    return [_most_frequent(train)] * len(test)


def gene_lookup(train: Sequence[Example], test: Sequence[Example]) -> list[str | None]:
    """The gene's most frequent answer in training; of a gene that is not there, the most frequent of all."""
    by_gene: dict[str, list[Example]] = {}
    for example in train:
        by_gene.setdefault(example.record.gene, []).append(example)
    return [_most_frequent(_known(by_gene, example) or train) for example in test]


def covered_by_gene(train: Sequence[Example], test: Sequence[Example]) -> list[bool]:
    """Whether the gene of each test example is in the training part."""
    known = {example.record.gene for example in train} - {""}
    return [example.record.gene in known for example in test]


def nearest(train: Sequence[Example], test: Sequence[Example]) -> list[str | None]:
    """The answer of the training reference that shares most words (Jaccard's index); the first of equals."""
    known = [words_of(example.record.reference, WORD) for example in train]
    found: list[str | None] = []
    for example in test:
        words = words_of(example.record.reference, WORD)
        shares = [len(words & other) / max(len(words | other), 1) for other in known]
        found.append(train[shares.index(max(shares))].label)
    return found


def _known(by_gene: dict[str, list[Example]], example: Example) -> list[Example]:
    return by_gene.get(example.record.gene, []) if example.record.gene else []


def _most_frequent(examples: Sequence[Example]) -> str:
    """The most frequent answer; of equally frequent ones the first by name."""
    counts = Counter(example.label for example in examples)
    return min(counts, key=lambda label: (-counts[label], label))
