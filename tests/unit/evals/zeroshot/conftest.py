from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cistron.evals.answers import Scores
from cistron.evals.outcome import Outcome
from cistron.evals.requests import ScoreRequest
from cistron.evals.task import Answers, Plan, Setting, Task
from cistron.evals.zeroshot.experiment import READING
from cistron.evals.zeroshot.genomes import OPTIONS
from cistron.genome import Variant
from cistron.genome.genetic_code import CODONS, genetic_code
from cistron.genome.sequence import reverse_complement

SENSE = [codon for codon in CODONS if codon not in genetic_code(11).stops]
SPACER = 400
GENE = 240

Score = Callable[[Variant], float]


@pytest.fixture(scope="session")
def own_genome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Options that name a random genome of six genes on alternate strands, with a transfer RNA each."""
    folder = tmp_path_factory.mktemp("genome")
    bases = random.Random(3)
    parts, lines = [], ["##gff-version 3"]
    for number in range(6):
        at = number * (SPACER + GENE)
        cds = "ATG" + "".join(bases.choices(SENSE, k=GENE // 3 - 2)) + "TAA"
        parts += [
            "".join(bases.choices("ACGT", k=SPACER)),
            cds if number % 2 == 0 else reverse_complement(cds),
        ]
        strand = "+-"[number % 2]
        span = f"{at + SPACER + 1}\t{at + SPACER + GENE}"
        lines.append(f"c\tx\tCDS\t{span}\t.\t{strand}\t0\tID=c{number};gene=g{number};transl_table=11")
        lines.append(f"c\tx\ttRNA\t{at + 21}\t{at + 95}\t.\t{strand}\t.\tID=t{number};Note=(GCC)")
    text = "".join(parts) + "".join(bases.choices("ACGT", k=SPACER))
    (folder / "g.fa").write_text(f">c\n{text}\n")
    (folder / "g.gff3").write_text("\n".join(lines) + "\n")
    return {"fasta": str(folder / "g.fa"), "annotation": str(folder / "g.gff3")}


@pytest.fixture
def planned(own_genome: dict[str, str]) -> Callable[..., Plan]:
    """Prepares a task on that genome with the options given."""

    def plan(task: Task, limit: int | None = None, seed: int = 0, **options: object) -> Plan:
        values = {**READING, **OPTIONS, **task.options, **own_genome, "slack": 0, **options}
        return task.prepare(Setting(Path(), seed, limit, values))  # type: ignore[arg-type]

    return plan


def answered(plan: Plan, score: Score) -> Answers:
    found = {}
    for name, request in plan.requests.items():
        assert isinstance(request, ScoreRequest)
        llr = np.array([score(variant) for variant in request.variants])
        found[name] = Scores(llr, llr / 2, np.full(len(llr), ""))
    return found


@pytest.fixture(scope="session")
def answers() -> Callable[[Plan, Score], Answers]:
    """Answers in which every variant has the score that a function gives it."""
    return answered


@pytest.fixture(scope="session")
def outcome() -> Callable[[Plan, Score], Outcome]:
    """The row of a model that gives every variant the score of a function."""
    return lambda plan, score: plan.judge(answered(plan, score))
