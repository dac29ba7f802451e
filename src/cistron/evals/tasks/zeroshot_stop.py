"""Substitutions around the stop codon: does the model know where a gene ends?

Every substitution from 20 bases before the last base of the stop codon to 20 behind it, averaged over genes.
Source: Brixi et al. 2025 (Evo 2), extended figure 3b.
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

_LANDMARK: Final = "the last base of the stop codon"


def plan(genome: Genome, setting: Setting) -> Plan:
    """The experiment on one genome."""
    genes = [g for g in genome.genes if reachable(genome, g, end_of(g)) and _unbroken(g)]
    edits = profiles(genome, sampled(genes, setting), end_of, setting)
    lost = len(genome.genes) - len(genes)
    notes = (f"{lost:,} genes end within 20 bases of a contig's end or of an intron",) if lost else ()

    def draw(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        return {"stop codon": profile_figure(rows, _LANDMARK, genome.source.title)}

    return Experiment(genome, tuple(edits), setting, measured, draw, notes).plan()


def end_of(gene: CodingGene) -> int:
    """Place of the last base of the stop codon, 0-based plus strand."""
    return int(gene.positions()[-1])


def measured(table: Table) -> tuple[Metric, ...]:
    """Contrasts in nats; each is positive when the model behaves as biology says."""
    coding = between(table, -REACH, -3)
    third = table.place % 3 == 0  # place 0 is the third base of the stop codon
    return (
        contrast(
            table,
            "stop dip",
            between(table, 4, 20),
            between(table, -2, 0),
            "mean llr 4 to 20 bases downstream minus that of the stop codon",
        ),
        contrast(
            table,
            "third base",
            coding & third,
            coding & ~third,
            "mean llr of third bases of the last six codons minus that of first and second ones",
        ),
        contrast(
            table,
            "coding dip",
            between(table, 4, 20),
            coding,
            "mean llr 4 to 20 bases downstream minus that of the 18 bases before the stop codon",
        ),
    )


def _unbroken(gene: CodingGene) -> bool:
    """Whether the bases before the end are of one exon."""
    start, end = gene.parts[-1]
    return end - start > REACH


TASK = variants_of(
    "zeroshot-stop",
    plan,
    options={"alternatives": 3},
    summary="Substitutions around the stop codon",
    metric="stop dip",
)
