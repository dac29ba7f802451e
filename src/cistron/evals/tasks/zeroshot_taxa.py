"""Held-out likelihood by taxon: how well a model predicts genomes near to and far from its training data.

Stretches are drawn from each genome and read whole on one strand; likelihoods are told in nats a base and by
genome alone, never by place. Which of the taxa a model was trained on its card says, not this task; a taxon
that was kept out of training should not do better than chance, which is the published check of excluded
viruses. Source: Brixi et al. 2025 (Evo 2), section on data exclusion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from jaxtyping import Float, Int

from cistron.errors import InputError
from cistron.evals.answers import Likelihoods
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.requests import LikelihoodRequest
from cistron.evals.task import Answers, Control, MarkovRule, Plan, Setting, Task
from cistron.evals.zeroshot.drawing import interval_figure
from cistron.evals.zeroshot.experiment import MARKOV_ORDER
from cistron.evals.zeroshot.genomes import SOURCES, Source, sequences_of
from cistron.genome.sequence import is_acgt
from cistron.metrics.bootstrap import ratio_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRIES: Final = 50
"""Places that are drawn for each stretch before a contig counts as too full of N."""

CHANCE: Final = -float(np.log(4))
"""Nats a base of a model that knows nothing."""


@dataclass(frozen=True)
class Stretch:
    """A piece of a genome.

    Attributes:
        taxon: Title of its genome.
        item: Its genome and number; never its place.
        bases: A, C, G and T.
    """

    taxon: str
    item: str
    bases: str


def prepare(setting: Setting) -> Plan:
    """Requests and judge."""
    count = min(int(setting.options["stretches"]), setting.limit or int(setting.options["stretches"]))
    length = int(setting.options["length"])
    stretches = [each for source in SOURCES for each in stretches_of(source, setting, count, length)]
    turned = [Stretch(s.taxon, s.item, _shuffled(s.bases, n)) for n, s in enumerate(stretches)]
    human = SOURCES[-1]

    def judge(name: str, answers: Answers) -> Outcome:
        found = cast(Likelihoods, answers[name])
        return _outcome(stretches, found.total, found.bases)

    return Plan(
        {
            "sequences": LikelihoodRequest(tuple(s.bases for s in stretches)),
            "shuffled": LikelihoodRequest(tuple(s.bases for s in turned)),
        },
        partial(judge, "sequences"),
        markov=MarkovRule(
            MARKOV_ORDER,
            lambda: (bases for _, bases in sequences_of(setting.path(human.elsewhere))),
            human.elsewhere_title,
        ),
        controls=(
            Control(
                "bases shuffled", "the bases of each stretch in random order", partial(judge, "shuffled")
            ),
        ),
        notes=(
            f"{count} stretches of {length:,} bp a taxon, drawn with seed {setting.seed}; one strand;"
            f" chance is {CHANCE:.3f} nats a base",
            "which taxa a model was trained on is said by its card",
        ),
        draw=_figure,
    )


def stretches_of(source: Source, setting: Setting, count: int, length: int) -> Iterator[Stretch]:
    """Stretches of A, C, G and T, places drawn evenly over the genome; a shorter contig is taken whole.

    Raises:
        InputError: The genome ends before the first base that is to be used.
    """
    contigs = [bases[source.begin :] for _, bases in sequences_of(setting.path(source.fasta))]
    weights = np.array([len(bases) for bases in contigs], dtype=float)
    if not weights.sum():
        raise InputError(
            f"{source.fasta} has no base {source.begin + 1:,}, from which on {source.title} is used"
        )
    random = np.random.default_rng(setting.seed)
    for number in range(count):
        for _ in range(_TRIES):
            bases = contigs[int(random.choice(len(contigs), p=weights / weights.sum()))]
            start = int(random.integers(max(len(bases) - length, 0) + 1))
            found = bases[start : start + length]
            if is_acgt(found):
                yield Stretch(source.title, f"{source.name} {number}", found)
                break


def _shuffled(bases: str, seed: int) -> str:
    letters = np.frombuffer(bases.encode(), dtype=np.uint8)
    return np.random.default_rng(seed).permutation(letters).tobytes().decode()


def _outcome(stretches: list[Stretch], total: Float[np.ndarray, "N"], bases: Int[np.ndarray, "N"]) -> Outcome:
    taxa = np.array([stretch.taxon for stretch in stretches])
    metrics = []
    for source in reversed(SOURCES):
        rows = taxa == source.title
        if not bases[rows].sum():
            metrics.append(Metric(source.title, float("nan"), n=0, note="no stretch without N"))
            continue
        found = ratio_interval(total[rows], bases[rows].astype(float))
        metrics.append(Metric.of(source.title, found, int(rows.sum()), note="nats a base; chance −1.386"))
    columns = {
        "item": [stretch.item for stretch in stretches],
        "group": [stretch.item for stretch in stretches],
        "kind": taxa,
        "bases": bases,
        "score": total / np.maximum(bases, 1),
    }
    return Outcome(tuple(metrics), columns)


def _figure(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
    found = {name: row.metrics for name, row in rows.items()}
    return {"taxa": interval_figure(found, "nats a base", "Held-out likelihood by taxon", CHANCE)}


TASK = Task(
    "zeroshot-taxa",
    1,
    "Likelihood of human, fly, yeast, bacterial and phage sequence",
    SOURCES[-1].title,
    "Brixi et al. 2025, Evo 2 (protocol); see docs/design/zeroshot.md",
    "open",
    prepare,
    needs=tuple(dict.fromkeys(path for s in SOURCES for path in (s.fasta, s.elsewhere) if path)),
    suites=("zeroshot",),
    options={"stretches": 64, "length": 2048},
)
