"""Essential genes: do premature stops score lower in genes that a bacterium cannot live without?

A few codons of each gene's first half become TAA; the gene's score is the mean. Source: Brixi et al. 2025
(Evo 2), section on gene essentiality; the list for E. coli is that of EcoCyc's vEcoli data.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Bool, Float

from cistron.errors import InputError
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.task import Answers, Baseline, Control, Plan, Setting, Task
from cistron.evals.zeroshot.asking import Reader, Table
from cistron.evals.zeroshot.drawing import class_figure
from cistron.evals.zeroshot.experiment import READING, markov_rule, reader_of, sampled
from cistron.evals.zeroshot.genomes import OPTIONS, SOURCES, Genome, named_source, open_genome
from cistron.evals.zeroshot.landmarks import unit
from cistron.formats.bgzf import read_lines
from cistron.genome.coding import CodingGene
from cistron.genome.edits import Edit, replaced, whole_codons
from cistron.metrics.ranking import auroc_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOLDER: Final = "genomes/ecoli_k12/vecoli_flat"
_ESSENTIAL: Final = f"{_FOLDER}/essential_genes_536.tsv"
_NAMES: Final = f"{_FOLDER}/genes.tsv"
_LENGTH: Final = "length of the gene"
_STOP: Final = "TAA"
_MARGIN: Final = 10
_SHORTEST: Final = 120
KINDS: Final = ("essential", "other")


@dataclass(frozen=True)
class _Stops:
    """Premature stops in genes that are essential or not.

    Attributes:
        edits: Their kind says whether the gene is essential.
        reader: How they are read.
        lengths: Of the genes, by unit, in bp.
        title: Of the genome.
    """

    edits: list[Edit]
    reader: Reader
    lengths: Mapping[str, float]
    title: str

    def judge(self, answers: Answers) -> Outcome:
        return _outcome(self.reader.table(self.edits, answers).scored())

    def shuffled(self, answers: Answers) -> Outcome:
        return _outcome(self.reader.table(self.edits, answers).scored(), np.random.default_rng(0))

    def by_length(self) -> Outcome:
        """The row of a score that knows nothing but how long a gene is."""
        values = -np.array([self.lengths[edit.unit] for edit in self.edits])
        return _outcome(Table.of(self.edits, values, values))

    def draw(self, rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        scored = {name: row for name, row in rows.items() if name != _LENGTH}
        return {"essential genes": class_figure(scored, KINDS, self.title)}


def plan(genome: Genome, setting: Setting, essential: frozenset[str]) -> Plan:
    """The experiment on one genome, given the names of its essential genes.

    Raises:
        InputError: None or all of its genes are essential.
    """
    genes = _balanced([g for g in genome.genes if len(g) >= _SHORTEST], essential, setting)
    random = np.random.default_rng(setting.seed + 5)
    edits = [e for g in genes for e in _edited(genome, g, int(setting.options["codons"]), essential, random)]
    count = len({edit.unit for edit in edits if edit.kind == KINDS[0]})
    if not 0 < count < len({edit.unit for edit in edits}):
        raise InputError(
            f"{count} of {len(genes)} genes are essential by the list; ranking needs both classes"
        )
    lengths = {unit(gene): float(len(gene)) for gene in genes}
    stops = _Stops(edits, reader_of(setting), lengths, genome.source.title)
    told = f"{len(genes)} genes, {count} essential; windows of {stops.reader.width:,} bp"
    return Plan(
        stops.reader.requests(genome, edits),
        stops.judge,
        markov=markov_rule(genome, edits, stops.reader.width),
        controls=(Control("labels shuffled", "classes dealt out anew among the genes", stops.shuffled),),
        baselines=(Baseline(_LENGTH, "longer means essential", stops.by_length),),
        notes=(told, *genome.notes),
        draw=stops.draw,
    )


def essential_names(listed: Path, names: Path | None) -> frozenset[str]:
    """Every name of the essential genes: those listed, and their synonyms where a table of names is given.

    Args:
        listed: A table whose first column names a gene, header first.
        names: EcoCyc's table of genes: columns `id`, `symbol` and `synonyms` (a JSON list).

    Raises:
        InputError: A file is missing or empty, or a column of `names` is.
    """
    first = {row[0] for row in list(_rows(listed))[1:]}
    if names is None:
        return frozenset(first)
    header, *rows = _rows(names)
    if not {"id", "symbol", "synonyms"} <= set(header):
        raise InputError(f"{names} has the columns {', '.join(header)}; it needs id, symbol and synonyms")
    found = set(first)
    for row in rows:
        entry = dict(zip(header, row, strict=False))
        if entry["id"] in first:
            found |= {entry["symbol"], *json.loads(entry["synonyms"] or "[]")}
    return frozenset(found)


def _rows(path: Path) -> Iterator[list[str]]:
    return csv.reader((line for line in read_lines(path) if not line.startswith("#")), delimiter="\t")


def _balanced(genes: list[CodingGene], essential: frozenset[str], setting: Setting) -> list[CodingGene]:
    """Half of the genes from either class, since essential ones are few; ranking does not mind the shares."""
    most = min(int(setting.options["genes"]), setting.limit or len(genes))
    half = replace(setting, limit=max(1, most // 2))
    classes = [[g for g in genes if (g.name in essential) == wanted] for wanted in (True, False)]
    return [gene for found in classes for gene in sampled(found, half)]


def _edited(
    genome: Genome, gene: CodingGene, count: int, essential: frozenset[str], random: np.random.Generator
) -> Iterator[Edit]:
    """A stop in each of some codons of the gene's first half."""
    cds = gene.sequence(genome.reference)
    half = [c for c in whole_codons(gene) if _MARGIN <= c[0] < len(gene) // 6]
    kind = KINDS[gene.name not in essential]
    for place in sorted(random.permutation(len(half))[:count].tolist()):
        number, start, end = half[place]
        variant = replaced(genome.reference, gene.chrom, gene.strand, start, end, _STOP)
        if variant is not None:
            change = f"{cds[3 * number : 3 * number + 3]}>{_STOP}"
            yield Edit(variant, gene.strand, unit(gene), kind, number, change)


def _outcome(table: Table, shuffle: np.random.Generator | None = None) -> Outcome:
    """AUROC of essential genes by the mean score of their stops."""
    score, label = _by_gene(table)
    if shuffle is not None:
        label = shuffle.permutation(label)
    if label.all() or not label.any():
        return Outcome((Metric("auroc", float("nan"), n=len(label), note="of one class alone"),))
    found = auroc_interval(-score, label, np.arange(len(label)))
    note = "chance that the stops of an essential gene score below those of another; resampled by gene"
    return Outcome((Metric.of("auroc", found, len(label), note=note),), table.columns())


def _by_gene(table: Table) -> tuple[Float[np.ndarray, "genes"], Bool[np.ndarray, "genes"]]:
    genes, index = np.unique(table.unit, return_inverse=True)
    count = np.bincount(index, minlength=len(genes))
    label = np.zeros(len(genes), dtype=bool)
    label[index[table.kind == KINDS[0]]] = True
    return np.bincount(index, table.llr, len(genes)) / count, label


def _ecoli(setting: Setting) -> Plan:
    names = essential_names(setting.path(_ESSENTIAL), setting.path(_NAMES))
    return plan(open_genome(SOURCES[0], setting), setting, names)


def _own(setting: Setting) -> Plan:
    listed = str(setting.options["essential"])
    if not listed:
        raise InputError("name the essential genes: --set essential=list.tsv, header first, one name a line")
    names = essential_names(Path(listed), None)
    return plan(open_genome(named_source(setting), setting), setting, names)


_USUAL: Final = {**READING, "genes": 256, "codons": 3}
_SOURCE: Final = "Brixi et al. 2025, Evo 2 (protocol); see docs/design/zeroshot.md"

TASK = (
    Task(
        "zeroshot-essential/ecoli",
        1,
        "Premature stops in essential genes: E. coli K-12",
        "auroc",
        _SOURCE,
        "open",
        _ecoli,
        needs=(*SOURCES[0].needs, _ESSENTIAL, _NAMES),
        suites=("zeroshot",),
        options=_USUAL,
    ),
    Task(
        "zeroshot-essential/genome",
        1,
        "Premature stops in essential genes: a genome and a list of your own",
        "auroc",
        _SOURCE,
        "yours",
        _own,
        options={**_USUAL, **OPTIONS, "essential": ""},
    ),
)
