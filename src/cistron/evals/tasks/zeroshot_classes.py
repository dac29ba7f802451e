"""Classes of mutation inside coding sequences: is a stop worse than another amino acid, and that than none?

In each gene some codons away from both ends get one edit of each class. Replacing a whole codon changes more
bases than a substitution does, and any change of more bases scores lower; so each stop codon stands beside a
sense codon that differs from the original at the same places, and the two are compared.
Source: Brixi et al. 2025 (Evo 2), figure 2C; the matched sense codon is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from cistron.evals.outcome import Metric, Outcome
from cistron.evals.task import Plan, Setting
from cistron.evals.zeroshot.asking import Table
from cistron.evals.zeroshot.drawing import class_figure
from cistron.evals.zeroshot.experiment import Experiment, sampled, variants_of
from cistron.evals.zeroshot.genomes import Genome
from cistron.evals.zeroshot.landmarks import unit
from cistron.evals.zeroshot.measuring import class_auroc
from cistron.genome import Variant
from cistron.genome.coding import CodingGene
from cistron.genome.edits import Edit, replaced, whole_codons
from cistron.genome.genetic_code import STOP, GeneticCode
from cistron.genome.sequence import ACGT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: Final = (
    "synonymous",
    "non-synonymous",
    "sense codon",
    "stop codon",
    "deletion of 3",
    "deletion of 1",
    "insertion of 1",
)
_MARGIN: Final = 10
"""Codons at either end of a gene that are left alone."""


def plan(genome: Genome, setting: Setting) -> Plan:
    """The experiment on one genome."""
    random = np.random.default_rng(setting.seed + 1)
    count = int(setting.options["codons"])
    edits = [e for gene in sampled(genome.genes, setting) for e in edited(genome, gene, count, random)]

    def draw(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        return {"coding classes": class_figure(rows, KINDS, genome.source.title)}

    return Experiment(genome, tuple(edits), setting, measured, draw).plan()


def edited(genome: Genome, gene: CodingGene, count: int, random: np.random.Generator) -> Iterator[Edit]:
    """One edit of each class in `count` codons of a gene, stop codons one each."""
    cds = gene.sequence(genome.reference)
    made: set[tuple[str, Variant]] = set()
    inner = [c for c in whole_codons(gene) if _MARGIN <= c[0] < len(gene) // 3 - _MARGIN]
    for place in sorted(random.permutation(len(inner))[:count].tolist()):
        number, start, end = inner[place]
        codon = cds[3 * number : 3 * number + 3]
        for kind, old, new, offset in _changes(codon, gene.code, random):
            low, high = _span(gene, start, end, offset, len(old))
            variant = replaced(genome.reference, gene.chrom, gene.strand, low, high, new)
            if variant is not None and (kind, variant) not in made:
                made.add((kind, variant))
                change = f"{old or '-'}>{new or '-'}"
                yield Edit(variant, gene.strand, unit(gene), kind, number, change)


def measured(table: Table) -> tuple[Metric, ...]:
    """Chances of ranking below, and 0.5 means that the classes are not told apart."""
    matched = "chance that a stop codon scores below a sense codon that changes the same bases"
    synonymous = [
        class_auroc(table, f"{kind} below synonymous", kind, "synonymous")
        for kind in KINDS
        if kind != "synonymous"
    ]
    frame = [
        class_auroc(table, "frameshift below in-frame deletion", "deletion of 1", "deletion of 3"),
        class_auroc(
            table,
            "frameshift below in-frame deletion, flank",
            "deletion of 1",
            "deletion of 3",
            by="flank",
            note="by the downstream part alone",
        ),
    ]
    return (
        class_auroc(table, "stop below sense codon", "stop codon", "sense codon", note=matched),
        *synonymous,
        *frame,
    )


def _changes(
    codon: str, code: GeneticCode, random: np.random.Generator
) -> Iterator[tuple[str, str, str, int]]:
    """Class, old bases, new bases and offset within the codon of each edit, in reading direction."""
    singles = [codon[:i] + base + codon[i + 1 :] for i in range(3) for base in ACGT if base != codon[i]]
    same = [c for c in singles if code.meaning[c] == code.meaning[codon]]
    other = [c for c in singles if code.meaning[c] not in (code.meaning[codon], STOP)]
    for kind, choice in (("synonymous", same), ("non-synonymous", other)):
        if choice:
            yield kind, codon, _drawn(choice, random), 0
    for stop in code.stops:
        yield "stop codon", codon, stop, 0
        if twins := _twins(codon, stop, code):
            yield "sense codon", codon, _drawn(twins, random), 0
    yield "deletion of 3", codon, "", 0
    yield "deletion of 1", codon[1], "", 1
    yield "insertion of 1", "", ACGT[random.integers(4)], 1


def _twins(codon: str, stop: str, code: GeneticCode) -> list[str]:
    """Codons of other amino acids that differ from `codon` at just the places where the stop does."""
    choices = [ACGT.replace(old, "") if old != new else old for old, new in zip(codon, stop, strict=True)]
    found = map("".join, product(*choices))
    return [c for c in found if code.meaning[c] not in (STOP, code.meaning[codon])]


def _drawn(choice: list[str], random: np.random.Generator) -> str:
    return choice[int(random.integers(len(choice)))]


def _span(gene: CodingGene, start: int, end: int, offset: int, length: int) -> tuple[int, int]:
    """Plus-strand ends of `length` bases that begin `offset` bases into a codon in reading direction."""
    if gene.strand == "+":
        return start + offset, start + offset + length
    return end - offset - length, end - offset


TASK = variants_of(
    "zeroshot-classes",
    plan,
    options={"codons": 4},
    summary="Classes of mutation in coding sequence",
    metric="stop below sense codon",
)
