"""Codon usage: does the model prefer codons that the cell reads fast, and less so where translation begins?

Synonymous substitutions among the first and last codons of genes, set against the change in how well transfer
RNA serves the codon. Source: Brixi et al. 2025 (Evo 2), extended figure 3d, e; weights as in
`cistron.genome.coding_adaptation`, from the anticodons that the annotation names.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from cistron.evals.outcome import Metric, Outcome, column
from cistron.evals.task import Plan, Setting
from cistron.evals.zeroshot.asking import Table
from cistron.evals.zeroshot.drawing import line_figure
from cistron.evals.zeroshot.experiment import Experiment, sampled, variants_of
from cistron.evals.zeroshot.genomes import SOURCES, Genome
from cistron.evals.zeroshot.landmarks import unit
from cistron.evals.zeroshot.measuring import between, contrast, mean_metric, unit_means
from cistron.genome.coding import CodingGene
from cistron.genome.coding_adaptation import adaptation_weights
from cistron.genome.edits import Edit, replaced, whole_codons

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: Final = ("to a better served codon", "to a worse served codon")
REACH: Final = 100
"""Codons at either end that are looked at; those at the end are counted back from −1, the stop codon."""

RAMP: Final = 30
"""Codons at the start that translation reads slowly. Source: Tuller et al. 2010, Cell 141:344."""

_MEAN_OF: Final = 5


def plan(genome: Genome, setting: Setting) -> Plan:
    """The experiment on one genome."""
    counts = Counter(gene.anticodon for gene in genome.rna if gene.anticodon)
    genes = [gene for gene in genome.genes if len(gene) >= 3 * 2 * REACH and gene.table in (1, 11)]
    weights = adaptation_weights(counts, (genes or genome.genes)[0].code)
    random = np.random.default_rng(setting.seed + 4)
    count = int(setting.options["codons"])
    edits = [e for g in sampled(genes, setting) for e in _edited(genome, g, weights, count, random)]
    notes = (f"codons weighed by {counts.total()} transfer RNA genes with {len(counts)} anticodons",)

    def draw(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        return {"codon usage": _figure(rows, genome.source.title)}

    return Experiment(genome, tuple(edits), setting, measured, draw, notes).plan()


def measured(table: Table) -> tuple[Metric, ...]:
    """How much better served codons are preferred to worse served ones, in nats, by part of the gene."""
    better = table.kind == KINDS[0]
    parts = {
        "whole": np.ones(len(better), dtype=bool),
        f"codons 2 to {RAMP}": between(table, 1, RAMP - 1),
        f"codons {RAMP + 1} to {REACH}": between(table, RAMP, REACH - 1),
        f"last {REACH}": between(table, -REACH, -1),
    }
    note = "mean llr of changes to better minus to worse served codons"
    found = [
        contrast(table, f"preference, {name}", rows & better, rows & ~better, note)
        for name, rows in parts.items()
    ]
    start, later = (parts[name] for name in list(parts)[1:3])
    inner = unit_means(table, later & better) - unit_means(table, later & ~better)
    outer = unit_means(table, start & better) - unit_means(table, start & ~better)
    ramp = mean_metric("ramp", inner - outer, "preference further on minus that in the ramp, gene by gene")
    return (*found, ramp)


def _edited(
    genome: Genome,
    gene: CodingGene,
    weights: Mapping[str, float],
    count: int,
    random: np.random.Generator,
) -> Iterator[Edit]:
    """One synonymous substitution in each of `count` codons of the first and of the last hundred."""
    cds, total = gene.sequence(genome.reference), len(gene) // 3
    whole = {number: (start, end) for number, start, end in whole_codons(gene)}
    ends = range(1, REACH), range(total - REACH, total - 1)
    for numbers in ends:
        usable = [n for n in numbers if n in whole and _choices(gene, cds, n)]
        for number in sorted(random.permutation(usable)[:count].tolist()):
            codon, choices = cds[3 * number : 3 * number + 3], _choices(gene, cds, number)
            new = choices[int(random.integers(len(choices)))]
            gain = math.log(weights[new] / weights[codon])
            variant = replaced(genome.reference, gene.chrom, gene.strand, *whole[number], new)
            if gain and variant is not None:
                place = number if numbers is ends[0] else number - total
                yield Edit(variant, gene.strand, unit(gene), KINDS[gain < 0], place, f"{codon}>{new}")


def _choices(gene: CodingGene, cds: str, number: int) -> list[str]:
    """Synonyms of a codon that differ from it in one base."""
    codon = cds[3 * number : 3 * number + 3]
    return [
        new for new in gene.code.synonyms(codon) if sum(a != b for a, b in zip(codon, new, strict=True)) == 1
    ]


def _figure(rows: Mapping[str, Outcome], title: str) -> Figure:
    """Difference of the two classes along the first hundred codons, as a running mean of 5 codons."""
    lines = {}
    for name, outcome in rows.items():
        place, kind, llr = (column(outcome, key) for key in ("place", "kind", "llr"))
        x, y = [], []
        for middle in range(1 + _MEAN_OF // 2, REACH - _MEAN_OF // 2):
            near = np.abs(place - middle) <= _MEAN_OF // 2
            two = [llr[near & (kind == wanted)] for wanted in KINDS]
            if all(map(len, two)):
                x.append(float(middle + 1))
                y.append(float(two[0].mean() - two[1].mean()))
        lines[name] = x, y
    return line_figure(lines, ("codon", "llr, better minus worse served (nats)"), title)


TASK = variants_of(
    "zeroshot-ramp",
    plan,
    sources=[source for source in SOURCES if source.name in ("ecoli", "yeast")],
    options={"codons": 12},
    summary="Synonymous substitutions and the supply of transfer RNA",
    metric="preference, whole",
)
