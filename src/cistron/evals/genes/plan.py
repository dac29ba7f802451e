"""From the rows of a task on genes to a plan: how they are split, what is asked, what stands beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.answers import Vectors
from cistron.evals.genes.atlas import Atlas
from cistron.evals.genes.baselines import gene_baselines, text_baseline
from cistron.evals.genes.cutting import PAIRINGS, Cutting, Pairing, Pieces, combined
from cistron.evals.genes.named import Named
from cistron.evals.genes.recall import told_by_genes
from cistron.evals.genes.rows import Covered, rare_note, sampled, without_rare
from cistron.evals.outcome import Outcome
from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import Examples, Fold, Kind, group_folds, grouped
from cistron.evals.probing.fit import tell
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.probing.plan import OPTIONS, embedding_request, probe_plan
from cistron.evals.task import Answers, Badge, Baseline, Option, Plan, Setting
from cistron.formats.gene_tasks import GeneTask
from cistron.genome import Interval
from cistron.genome.splits import Regions

GENE_OPTIONS: Final[Mapping[str, Option]] = {**OPTIONS, "region": "tss", "width": 2048, "windows": 8}
"""Options of every task on genes: the probe's, and what stands for a gene."""

PAIR_OPTIONS: Final[Mapping[str, Option]] = {**GENE_OPTIONS, "pair": "average"}

FOLDS: Final = 5
"""Also the fewest rows of a class, or of a mark, among those that are used."""

_TOLD_OF_MARKS: Final = 2
"""Folds whose marks are told; all others are fitted on."""


def gene_plan(
    found: Covered,
    atlas: Atlas,
    setting: Setting,
    metric: str,
    *,
    most: int = 0,
    border: int | None = None,
    apart: bool = True,
    texts: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of a task on genes: embed the windows of each, average, fit the probe, judge.

    Args:
        found: The rows.
        atlas: Where their genes lie.
        setting: Limit, seed and options.
        metric: The main one.
        most: Rows to use without a limit; 0 is all.
        border: Rows before it are fitted on and those behind it told; None makes folds.
        apart: Whether folds keep on one side what shares DNA.
        texts: Symbol → description, for a row that tells by its words.
    """
    cutting, pieces = Cutting.of(setting.options), found.pieces
    pairing = pairing_of(setting.options)
    task, border = sampled(found.task, setting.limit or most or None, setting.seed, border)
    if border is None:
        task, rare = without_rare(task, FOLDS)
        found = replace(found, notes=(*found.notes, *rare_note(rare, FOLDS)))
    groups = _groups(task, atlas, cutting) if apart else None
    examples = _examples(task, pieces, groups, border, setting.seed)
    genes = sorted({name for row in task.entities for name in row})
    asked = pieces.asked(genes)

    def represent(answers: Answers) -> Float[np.ndarray, "N D"]:
        answer = answers["windows"]
        assert isinstance(answer, Vectors)
        return combined(task.entities, pieces.vectors(asked, answer.vectors), pairing)

    def judged(features: Float[np.ndarray, "N D"]) -> Outcome:
        told = tell(features, examples, seed=setting.seed, probe=str(setting.options["probe"]))
        return outcome_of(told, examples, metric, setting.seed)

    plan = probe_plan(
        examples,
        setting,
        metric,
        badges=audit(examples) if len(task.kinds) == 1 else (_shared_genes(task, examples),),
        requests={"windows": embedding_request(asked, setting)},
        represent=represent,
        notes=(*found.notes, f"{len(genes):,} genes, {len(asked):,} windows; {cutting}"),
    )
    more = gene_baselines(task.entities, atlas, pairing, judged, setting.seed)
    if texts is not None:
        more = (*more, text_baseline(task.entities, texts, judged))
    if len(task.kinds) > 1:
        more = (*more, _lookup(task, examples, metric, setting.seed))
    by_name = Named(task.entities, examples, pairing, metric, setting).plan(plan.controls)
    return replace(plan, baselines=(*plan.baselines, *more), by_name=by_name)


def _lookup(task: GeneTask, examples: Examples, metric: str, seed: int) -> Baseline:
    return Baseline(
        "gene lookup",
        "the classes that its genes have in pairs of the training part",
        lambda: outcome_of(told_by_genes(task.entities, examples), examples, metric, seed),
    )


def pairing_of(options: Mapping[str, Option]) -> Pairing:
    """How the vectors of two genes become one.

    Raises:
        InputError: The option `pair` is none of the ways.
    """
    name = str(options.get("pair", "average"))
    if name not in PAIRINGS:
        raise InputError(f"pair={name} is not one of {', '.join(PAIRINGS)}")
    return cast(Pairing, name)


def _shared_genes(task: GeneTask, examples: Examples) -> Badge:
    """How many test rows have a gene that the training part has, too."""
    found = 0
    for fold in examples.folds:
        known = {name for at in fold.train for name in task.entities[at]}
        found += sum(any(name in known for name in task.entities[at]) for at in fold.test)
    tested = len(examples.tested)
    finding = f"{found:,} of {tested:,} test rows have a gene that occurs in the training part"
    return Badge("leak" if found else "clean", finding)


def _groups(task: GeneTask, atlas: Atlas, cutting: Cutting) -> list[str]:
    """For each row a name that it shares with rows whose first gene reads some of the same bases."""
    places = [Interval(*cutting.footprint(atlas.genes[row[0]])) for row in task.entities]
    merged = Regions(replace(place, start=max(place.start, 0)) for place in places)
    starts: dict[str, list[Interval]] = {}
    for region in merged:
        starts.setdefault(region.chrom, []).append(region)
    edges = {chrom: np.array([region.start for region in regions]) for chrom, regions in starts.items()}
    return [
        f"{place.chrom}:{np.searchsorted(edges[place.chrom], max(place.start, 0), side='right')}"
        for place in places
    ]


def _examples(
    task: GeneTask, pieces: Pieces, named: Sequence[str] | None, border: int | None, seed: int
) -> Examples:
    texts = tuple("N".join(pieces.text(name) for name in row) for row in task.entities)
    labels, classes, kind = _labels(task)
    groups = grouped(texts, named)
    if border is None:
        folds = _folds(labels, groups, kind, seed)
    else:
        folds = (Fold(np.arange(border), np.arange(border, len(task))),)
    names = tuple(" ".join(row) for row in task.entities)
    return Examples(names, texts, labels, classes, groups, folds, kind)


def _folds(labels: NDArray[np.int64], groups: NDArray[np.int64], kind: Kind, seed: int) -> tuple[Fold, ...]:
    """Folds by group; of marks one split.

    Folds cannot keep the share of every mark. Where little can be told, ranks over all folds then follow the
    shares of the training parts, which are low where those of the test parts are high: random vectors reached
    a macro AUROC of 0.42.
    """
    folds = group_folds(labels, groups, kind, folds=FOLDS, seed=seed)
    if kind != "marks":
        return folds
    test = np.sort(np.concatenate([fold.test for fold in folds[:_TOLD_OF_MARKS]]))
    return (Fold(np.setdiff1d(np.arange(len(labels)), test), test),)


def _labels(task: GeneTask) -> tuple[NDArray[np.int64], tuple[str, ...], Kind]:
    if len(task.columns) > 1:
        return np.array(task.outcomes, dtype=np.int64), task.columns, "marks"
    classes = tuple(sorted({row[0] for row in task.outcomes}))
    if len(classes) < 2:
        raise InputError(f"{task.name}: all {len(task)} rows are of class '{classes[0]}'; a probe needs two")
    return np.array([classes.index(row[0]) for row in task.outcomes]), classes, "classes"
