"""Rows that tell of genes without a model: their size and shape, their chromosome, chance, other pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from cistron.evals.genes.atlas import Atlas
from cistron.evals.genes.cutting import Pairing, combined
from cistron.evals.genes.texts import MOST_WORDS, bag_of_words
from cistron.evals.outcome import Outcome
from cistron.evals.task import Baseline
from cistron.genome.annotation import GeneModel

RANDOM_WIDTH: Final = 64

Rows = Sequence[tuple[str, ...]]
Features = Float[np.ndarray, "N D"]

Judged = Callable[[Features], Outcome]
"""Fits the task's probe to features and judges what it tells."""


def gene_baselines(
    rows: Rows, atlas: Atlas, pairing: Pairing, judged: Judged, seed: int
) -> tuple[Baseline, ...]:
    """The probe on what an annotation says, on the chromosome and on random vectors.

    Args:
        rows: Genes of each example.
        atlas: Has all of the genes.
        pairing: How the features of several genes become one row.
        judged: Makes an outcome of features.
        seed: Of the random vectors.
    """
    genes = {name: atlas.genes[name] for row in rows for name in row}
    contigs = sorted({atlas.chromosomes[name] for name in genes})
    one_hot = dict(zip(contigs, np.eye(len(contigs)), strict=True))
    return (
        Baseline(
            "gene structure",
            "the same probe on length of gene, transcript and coding sequence, and number of exons",
            lambda: judged(combined(rows, {name: structure(gene) for name, gene in genes.items()}, pairing)),
        ),
        Baseline(
            "chromosome",
            "the same probe on the name of the chromosome",
            lambda: judged(
                combined(rows, {name: one_hot[atlas.chromosomes[name]] for name in genes}, pairing)
            ),
        ),
        Baseline(
            "random vectors",
            f"the same probe on {RANDOM_WIDTH} random numbers for each gene",
            lambda: judged(combined(rows, {name: random_vector(name, seed) for name in genes}, pairing)),
        ),
    )


def structure(gene: GeneModel) -> Float[np.ndarray, "4"]:
    """Log length of the gene, its exons together and its coding sequence, and log number of exons."""
    lengths = (
        gene.end - gene.start,
        sum(end - start for start, end in gene.exons),
        sum(end - start for start, end in gene.cds),
        len(gene.exons),
    )
    return np.log1p(np.array(lengths, dtype=np.float64))


def random_vector(name: str, seed: int, width: int = RANDOM_WIDTH) -> Float[np.ndarray, "D"]:
    """Normal numbers that depend on name and seed alone, whatever else is asked."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little")).normal(size=width)


def text_baseline(rows: Rows, texts: Mapping[str, str], judged: Judged) -> Baseline:
    """The probe on the words of descriptions: what a name gives away.

    Args:
        rows: Genes of each example.
        texts: Symbol → description; the words of those that have none are none.
        judged: Makes an outcome of features.
    """

    def outcome() -> Outcome:
        described = {name: texts.get(name, "") for row in rows for name in row}
        vectors = dict(zip(described, bag_of_words(list(described.values())), strict=True))
        return judged(combined(rows, vectors, "average"))

    return Baseline(
        "words of descriptions",
        f"the same probe on the {MOST_WORDS:,} most frequent words of the genes' full names",
        outcome,
    )
