"""Substitutions around a landmark of a gene: the first base of its start codon, the last of its stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

import numpy as np

from cistron.errors import InputError
from cistron.evals.task import Setting
from cistron.evals.zeroshot.genomes import Genome
from cistron.genome.coding import CodingGene
from cistron.genome.edits import Edit, beside, replaced
from cistron.genome.sequence import ACGT

REACH: Final = 20
"""Bases on either side of the landmark, as published."""


def reachable(genome: Genome, gene: CodingGene, place: int) -> bool:
    """Whether all bases around a place lie on the contig, and none of the coding side in an intron."""
    if gene.chrom in genome.circular:
        return True
    return REACH <= place < genome.reference.contigs[gene.chrom] - REACH


def profiles(
    genome: Genome, genes: Sequence[CodingGene], landmark: Callable[[CodingGene], int], setting: Setting
) -> list[Edit]:
    """Substitutions around a landmark of each gene: all, or as many a base as the option says.

    Raises:
        InputError: The option `alternatives` is not 1 to 3.
    """
    count = int(setting.options["alternatives"])
    if not 1 <= count <= 3:
        raise InputError(f"alternatives={count}, but a base has 3 others; give 1 to 3")
    random = np.random.default_rng(setting.seed + 6)
    edits = []
    for gene in genes:
        for _, group in groupby(profile(genome, gene, landmark(gene)), key=lambda edit: edit.place):
            found = list(group)
            edits += [found[number] for number in sorted(random.permutation(len(found))[:count].tolist())]
    return edits


def profile(genome: Genome, gene: CodingGene, place: int) -> Iterator[Edit]:
    """Every substitution from 20 bases before to 20 bases behind a place, in reading direction.

    Args:
        genome: Of the gene.
        gene: Tells contig and strand.
        place: The landmark on the contig, 0-based plus strand.
    """
    circular = gene.chrom in genome.circular
    for offset in range(-REACH, REACH + 1):
        found = beside(genome.reference, gene, place, offset, circular)
        if found is None or found[1] not in ACGT:
            continue
        at, ref = found
        for alt in ACGT.replace(ref, ""):
            variant = replaced(genome.reference, gene.chrom, gene.strand, at, at + 1, alt)
            if variant is not None:
                yield Edit(variant, gene.strand, unit(gene), "substitution", offset, f"{ref}>{alt}")


def unit(gene: CodingGene) -> str:
    """What resampling draws: the gene, told apart from others of its name by its place."""
    return f"{gene.name}@{gene.chrom}:{min(gene.parts)[0] + 1}"
