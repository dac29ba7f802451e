"""Substitutions around the start codon: does the model know where a gene begins, and its frame?

Every substitution from 20 bases before the first base of the start codon to 20 behind it, averaged over
genes. Source: Brixi et al. 2025 (Evo 2), figure 2B and extended figure 3a.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from cistron.evals.outcome import Metric, Outcome
from cistron.evals.task import Plan, Setting
from cistron.evals.zeroshot.asking import Table
from cistron.evals.zeroshot.drawing import profile_figure
from cistron.evals.zeroshot.experiment import Experiment, sampled, variants_of
from cistron.evals.zeroshot.genomes import Genome
from cistron.evals.zeroshot.landmarks import REACH, profiles, reachable
from cistron.evals.zeroshot.measuring import between, contrast
from cistron.genome.coding import CodingGene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LANDMARK: Final = "the first base of the start codon"


def plan(genome: Genome, setting: Setting) -> Plan:
    """The experiment on one genome."""
    genes = [g for g in genome.genes if reachable(genome, g, start_of(g)) and _unbroken(g)]
    edits = profiles(genome, sampled(genes, setting), start_of, setting)
    bacterial = genome.source.bacterial

    def draw(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        return {"start codon": profile_figure(rows, _LANDMARK, genome.source.title)}

    return Experiment(
        genome, tuple(edits), setting, lambda table: measured(table, bacterial), draw, _notes(genome, genes)
    ).plan()


def start_of(gene: CodingGene) -> int:
    """Place of the first base of the start codon, 0-based plus strand."""
    return int(gene.positions()[0])


def measured(table: Table, bacterial: bool) -> tuple[Metric, ...]:
    """Contrasts in nats; each is positive when the model behaves as biology says."""
    coding = between(table, 3, REACH)
    third = table.place % 3 == 2
    found = [
        contrast(
            table,
            "start dip",
            between(table, -20, -4),
            between(table, 0, 2),
            "mean llr 20 to 4 bases upstream minus that of the start codon",
        ),
        contrast(
            table,
            "third base",
            coding & third,
            coding & ~third,
            "mean llr of third bases of codons 2 to 7 minus that of first and second ones",
        ),
        contrast(
            table,
            "coding dip",
            between(table, -20, -4),
            coding,
            "mean llr 20 to 4 bases upstream minus that of the 18 bases behind the start codon",
        ),
    ]
    if bacterial:
        found.append(
            contrast(
                table,
                "ribosome-binding site",
                between(table, -20, -14),
                between(table, -13, -6),
                "mean llr 20 to 14 bases upstream minus that 13 to 6 bases upstream",
            )
        )
    return tuple(found)


def _unbroken(gene: CodingGene) -> bool:
    """Whether the bases behind the start are of one exon."""
    start, end = gene.parts[0]
    return end - start > REACH


def _notes(genome: Genome, genes: list[CodingGene]) -> tuple[str, ...]:
    lost = len(genome.genes) - len(genes)
    return (f"{lost:,} genes begin within 20 bases of a contig's end or of an intron",) if lost else ()


TASK = variants_of(
    "zeroshot-start",
    plan,
    options={"alternatives": 3},
    summary="Substitutions around the start codon",
    metric="start dip",
)
