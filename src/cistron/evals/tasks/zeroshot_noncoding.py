"""Deletions inside RNA genes against deletions of the same length and GC content between genes.

Ranked twice: by the whole score, and by the part of it that falls on the bases downstream of the deletion,
which does not contain the deleted bases' own probability. Source: Brixi et al. 2025 (Evo 2), figure 2C, D and
extended figure 3c; matching by GC content is in `docs/design/zeroshot.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Int

from cistron.evals.outcome import Metric, Outcome
from cistron.evals.task import Plan, Setting
from cistron.evals.zeroshot.asking import Table
from cistron.evals.zeroshot.drawing import class_figure
from cistron.evals.zeroshot.experiment import Experiment, variants_of
from cistron.evals.zeroshot.genomes import SOURCES, Genome
from cistron.evals.zeroshot.measuring import class_auroc
from cistron.genome import Strand
from cistron.genome.coding import RnaGene
from cistron.genome.edits import Edit, replaced
from cistron.genome.splits import Regions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CANDIDATES: Final = 64
"""Places between genes that are looked at for one that matches; the nearest in GC content is taken."""

_FAR: Final = 50
"""Bases that a place between genes keeps from any gene."""


def plan(genome: Genome, setting: Setting) -> Plan:
    """The experiment on one genome."""
    random = np.random.default_rng(setting.seed + 2)
    most = min(int(setting.options["genes"]), setting.limit or len(genome.rna))
    chosen = [gene for kind in _kinds(genome.rna) for gene in _some(genome.rna, kind, most, random)]
    length = int(setting.options["piece"])
    pairs = _Pairs(genome, length, random)
    edits = [edit for gene in chosen for edit in pairs.edits(gene)]
    kinds = _kinds(genome.rna)
    shown = [name for kind in kinds for name in (kind, control(kind))]

    def draw(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        return {"non-coding deletions": class_figure(rows, shown, genome.source.title)}

    told = f"{length} bp from the middle of each RNA gene, or all of it, at most {most} genes a kind"
    return Experiment(
        genome, tuple(edits), setting, lambda table: measured(table, kinds), draw, (told,)
    ).plan()


def control(kind: str) -> str:
    """Name of the class of places between genes that match those of one kind."""
    return f"between genes, as {kind}"


def measured(table: Table, kinds: Sequence[str]) -> tuple[Metric, ...]:
    """Chances of ranking below, for each kind of RNA gene, by the whole score and by its downstream part."""
    controls = [control(kind) for kind in kinds]
    found = [
        class_auroc(table, "RNA genes below intergenic", kinds, controls),
        class_auroc(table, "RNA genes below intergenic, flank", kinds, controls, by="flank"),
    ]
    for kind in kinds:
        found.append(class_auroc(table, f"{kind} below intergenic", kind, control(kind)))
        found.append(class_auroc(table, f"{kind} below intergenic, flank", kind, control(kind), by="flank"))
    return tuple(found)


class _Pairs:
    """Deletions in RNA genes, each with one between genes."""

    def __init__(self, genome: Genome, length: int, random: np.random.Generator) -> None:
        self._genome, self._length, self._random = genome, length, random
        self._free: dict[str, Int[np.ndarray, "gaps 2"]] = {}

    def edits(self, gene: RnaGene) -> Iterator[Edit]:
        """The two deletions; none where no place between genes is free or a deletion cannot be written."""
        whole = gene.interval
        size = min(self._length, len(whole))
        start = whole.start + (len(whole) - size) // 2
        place = self._matched(whole.chrom, start, size)
        if place is None:
            return
        unit = f"{whole.name or gene.kind}@{whole.chrom}:{whole.start + 1}"
        made = [
            self._deletion(whole.chrom, whole.strand, start, size, unit, gene.kind),
            self._deletion(whole.chrom, whole.strand, place, size, unit, control(gene.kind)),
        ]
        if None not in made:
            yield from (edit for edit in made if edit is not None)

    def _deletion(
        self, chrom: str, strand: Strand, start: int, size: int, unit: str, kind: str
    ) -> Edit | None:
        variant = replaced(self._genome.reference, chrom, strand, start, start + size, "")
        return None if variant is None else Edit(variant, strand, unit, kind, size, f"{size} bp deleted")

    def _matched(self, chrom: str, start: int, size: int) -> int | None:
        """A free place whose GC content is nearest to that of the bases at `start`."""
        free = self._free_starts(chrom, size)
        if not len(free):
            return None
        wanted = self._gc(chrom, start, size)
        best: int = min(free.tolist(), key=lambda at: abs(self._gc(chrom, at, size) - wanted))
        return best

    def _gc(self, chrom: str, start: int, size: int) -> float:
        bases = self._genome.reference.fetch(chrom, start, start + size)
        return float("inf") if "N" in bases else (bases.count("G") + bases.count("C")) / size

    def _free_starts(self, chrom: str, size: int) -> Int[np.ndarray, "places"]:
        """Places, drawn evenly, from which that many bases lie clear of every gene."""
        gaps = self._gaps(chrom)
        begin, room = gaps[:, 0] + _FAR, gaps[:, 1] - gaps[:, 0] - 2 * _FAR - size + 1
        begin, room = begin[room > 0], room[room > 0]
        if not len(room):
            return np.empty(0, dtype=np.int64)
        ends = np.cumsum(room)
        drawn = self._random.integers(ends[-1], size=_CANDIDATES)
        gap = np.searchsorted(ends, drawn, side="right")
        places: Int[np.ndarray, "places"] = begin[gap] + drawn - (ends[gap] - room[gap])
        return places

    def _gaps(self, chrom: str) -> Int[np.ndarray, "gaps 2"]:
        """Stretches between genes; where genes are not looked at, nothing lies between them."""
        if chrom not in self._free:
            length = self._genome.reference.contigs[chrom]
            taken = [i for i in self._genome.genic if i.chrom == chrom]
            edges = [self._genome.source.begin]
            for part in Regions(taken):
                edges += [max(part.start, edges[0]), max(min(part.end, length), edges[0])]
            self._free[chrom] = np.array([*edges, length]).reshape(-1, 2)
        return self._free[chrom]


def _kinds(genes: Sequence[RnaGene]) -> list[str]:
    return sorted({gene.kind for gene in genes})


def _some(genes: Sequence[RnaGene], kind: str, most: int, random: np.random.Generator) -> list[RnaGene]:
    found = [gene for gene in genes if gene.kind == kind]
    return [found[number] for number in sorted(random.permutation(len(found))[:most].tolist())]


TASK = variants_of(
    "zeroshot-noncoding",
    plan,
    sources=[source for source in SOURCES if source.name != "phix174"],
    options={"piece": 60, "slack": 0},
    summary="Deletions inside RNA genes",
    metric="RNA genes below intergenic",
)
