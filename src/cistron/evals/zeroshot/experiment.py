"""What every experiment on edits of a genome has in common: options, sampling, baseline, control."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from cistron.errors import InputError
from cistron.evals.outcome import Outcome
from cistron.evals.task import Answers, Control, MarkovRule, Option, Plan, Setting, Task
from cistron.evals.zeroshot.asking import Reader, Table
from cistron.evals.zeroshot.drawing import SHUFFLED
from cistron.evals.zeroshot.genomes import (
    OPTIONS,
    SOURCES,
    Genome,
    Source,
    named_source,
    open_genome,
    sequences_of,
)
from cistron.evals.zeroshot.measuring import Measure
from cistron.genome.edits import Edit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")

MARKOV_ORDER: Final = 5
"""Order of the baseline: words of six bases, two codons."""

READING: Final[Mapping[str, Option]] = {
    "genes": 64,
    "width": 1024,
    "strands": "gene",
    "indel": "neutral",
    "slack": 128,
    "contig": "",
    "begin": 0,
}
"""Options of every experiment: how many genes, how edits are read, and which part of a genome is used (one
contig, genes from the 0-based place `begin` on), such as what a model was not trained on. The numbers are
small enough for a CPU; the paper reads 1,024 genes in windows of 8,192 bp."""

Draw = Callable[[Mapping[str, Outcome]], Mapping[str, "Figure"]]


@dataclass(frozen=True)
class Experiment:
    """Edits of one genome and what is made of their scores.

    Attributes:
        genome: Where they lie.
        edits: In any order.
        setting: How the task is run.
        measure: Makes metrics of a table of scored edits.
        draw: Makes figures of all rows.
        notes: What a reader must know besides.
    """

    genome: Genome
    edits: tuple[Edit, ...]
    setting: Setting
    measure: Measure
    draw: Draw
    notes: tuple[str, ...] = ()

    def plan(self) -> Plan:
        """Requests, judge, baseline and control.

        Raises:
            InputError: There is no edit.
        """
        if not self.edits:
            raise InputError(f"nothing to edit in {self.genome.source.title}; {'; '.join(self.genome.notes)}")
        reader = reader_of(self.setting)
        units = len({edit.unit for edit in self.edits})
        told = (
            f"{units:,} genes sampled with seed {self.setting.seed}, {len(self.edits):,} edits; windows of"
            f" {reader.width:,} bp, strands: {reader.strands}, indels: {reader.indel}"
        )
        return Plan(
            reader.requests(self.genome, self.edits),
            lambda answers: self._judged(reader.table(self.edits, answers)),
            markov=markov_rule(self.genome, self.edits, reader.width),
            controls=(shuffled_control(lambda answers: reader.table(self.edits, answers), self._judged),),
            notes=(told, *self.genome.notes, *self.notes),
            draw=self.draw,
        )

    def _judged(self, whole: Table) -> Outcome:
        return judged(whole, self.measure)


def shuffled_control(table: Callable[[Answers], Table], judged: Callable[[Table], Outcome]) -> Control:
    """What the same scores are worth when they are dealt out anew."""
    statement = "the scores of each gene dealt out anew among its edits"
    return Control(SHUFFLED, statement, lambda answers: judged(table(answers).shuffled(0)))


def judged(whole: Table, measure: Measure) -> Outcome:
    """Metrics and long table of the rows that have a score, and how many have none."""
    scored = whole.scored()
    lost = len(whole.llr) - len(scored.llr)
    notes = (f"{lost:,} of {len(whole.llr):,} edits have no score",) if lost else ()
    return Outcome(measure(scored), scored.columns(), notes)


def reader_of(setting: Setting) -> Reader:
    """How the options say that edits are read.

    Raises:
        InputError: `strands` or `indel` is none of its values.
    """
    values = setting.options
    for name, known in (("strands", ("gene", "both")), ("indel", ("neutral", "equal-tokens"))):
        if values[name] not in known:
            raise InputError(f"{name}={values[name]} is not one of {', '.join(known)}")
    return Reader(int(values["width"]), str(values["strands"]), str(values["indel"]), int(values["slack"]))


def sampled(items: Sequence[T], setting: Setting, option: str = "genes") -> list[T]:
    """So many of the items as the option and the limit allow, drawn with the seed, in their order."""
    most = min(int(setting.options[option]), len(items), setting.limit or len(items))
    chosen = np.random.default_rng(setting.seed).permutation(len(items))[:most]
    return [items[number] for number in sorted(chosen.tolist())]


def markov_rule(genome: Genome, edits: Iterable[Edit], width: int) -> MarkovRule:
    """Order 5 on another genome where the source names one, else on the genome outside all windows read."""
    if genome.fitted_on is not None:
        path = genome.fitted_on
        return MarkovRule(
            MARKOV_ORDER,
            lambda: (bases for _, bases in sequences_of(path)),
            genome.source.elsewhere_title,
        )
    places: dict[str, list[int]] = {}
    for edit in edits:
        places.setdefault(edit.variant.chrom, []).append(edit.variant.start)
    return MarkovRule(
        MARKOV_ORDER,
        lambda: _outside(genome, places, width),
        f"{genome.source.title} outside the windows that are read",
    )


def variants_of(
    name: str,
    make: Callable[[Genome, Setting], Plan],
    *,
    sources: Sequence[Source] = SOURCES,
    options: Mapping[str, Option] = {},
    **about: str,
) -> tuple[Task, ...]:
    """The task on every genome at hand, and on one of the user's own.

    Args:
        name: Of the task's file.
        make: Gives the plan on a genome.
        sources: Genomes that it makes sense on.
        options: The task's own, and other defaults of the common ones.
        **about: `summary` and `metric` of the task.
    """
    usual = {**READING, **options}
    made = [
        Task(
            f"{name}/{source.name}",
            1,
            f"{about['summary']}: {source.title}",
            about["metric"],
            "Brixi et al. 2025, Evo 2 (protocol); see docs/design/zeroshot.md",
            source.licence,
            _preparing(source, make),
            needs=source.needs,
            suites=("zeroshot",),
            options=usual,
        )
        for source in sources
    ]
    own = Task(
        f"{name}/genome",
        1,
        f"{about['summary']}: a genome of your own, --set fasta=… --set annotation=…",
        about["metric"],
        "Brixi et al. 2025, Evo 2 (protocol); see docs/design/zeroshot.md",
        "yours",
        lambda setting: make(open_genome(named_source(setting), setting), setting),
        options={**usual, **OPTIONS},
    )
    return (*made, own)


def _preparing(source: Source, make: Callable[[Genome, Setting], Plan]) -> Callable[[Setting], Plan]:
    return lambda setting: make(open_genome(source, setting), setting)


def _outside(genome: Genome, places: Mapping[str, Sequence[int]], width: int) -> Iterator[str]:
    """Every contig with N for the bases within a window's width of a place."""
    for name, length in genome.reference.contigs.items():
        bases = bytearray(genome.reference.fetch(name, 0, length), "ascii")
        for place in places.get(name, ()):
            low, high = max(place - width, 0), min(place + width, length)
            bases[low:high] = b"N" * (high - low)
        yield bases.decode("ascii")
