"""A respondent that knows base counts, and a task that asks about them: small, exact, real plugs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from cistron.evals import (
    Answer,
    Answers,
    Baseline,
    Control,
    EmbedRequest,
    Metric,
    Outcome,
    Plan,
    Request,
    Setting,
    Task,
    Vectors,
)
from cistron.metrics.blocks import interval_of
from cistron.metrics.named import MEASURES


@dataclass
class BaseCounter:
    """Embeds a sequence as its counts of A, C, G and T; can do nothing else."""

    name: str = "counter"
    sha256: str = "c0" * 32
    facts: Mapping[str, str] = field(default_factory=lambda: {"parameters": "0"})
    add: float = 0.0
    fails_after: int | None = None
    seen: list[str] = field(default_factory=list)

    def refuses(self, request: Request) -> str | None:
        return None if isinstance(request, EmbedRequest) else f"does not {request.kind}"

    def answer(self, request: Request) -> Answer:
        assert isinstance(request, EmbedRequest)
        if self.fails_after is not None and len(self.seen) >= self.fails_after:
            raise KeyboardInterrupt
        self.seen += request.sequences
        counts = [[sequence.count(base) for base in "ACGT"] for sequence in request.sequences]
        return Vectors(np.array(counts, dtype=np.float32) + np.float32(self.add))


def random_sequences(count: int, length: int = 30, seed: int = 0) -> tuple[str, ...]:
    random = np.random.default_rng(seed)
    return tuple("".join(row) for row in random.choice(list("ACGT"), size=(count, length)))


def gc_outcome(sequences: tuple[str, ...], scores: np.ndarray) -> Outcome:
    """AUROC of a score for "more than half G and C"."""
    label = np.array([each.count("G") + each.count("C") > len(each) // 2 for each in sequences]).astype(int)
    items = {"item": np.array(sequences), "group": np.arange(len(label)), "label": label, "score": scores}
    interval = interval_of(MEASURES["auroc"].on(items), items["group"], resamples=200)
    return Outcome((Metric.of("auroc", interval, len(label)),), items)


def gc_plan(setting: Setting) -> Plan:
    sequences = random_sequences(setting.limit or 300)

    def judge(answers: Answers) -> Outcome:
        found = answers["sequences"]
        assert isinstance(found, Vectors)
        return gc_outcome(sequences, found.vectors[:, 1] + found.vectors[:, 2])

    def shuffled(answers: Answers) -> Outcome:
        found = answers["sequences"]
        assert isinstance(found, Vectors)
        order = np.random.default_rng(setting.seed).permutation(len(sequences))
        return gc_outcome(sequences, (found.vectors[:, 1] + found.vectors[:, 2])[order])

    return Plan(
        {"sequences": EmbedRequest(sequences)},
        judge,
        controls=(Control("shuffled", "answers in another order", shuffled),),
        baselines=(
            Baseline(
                "C alone",
                "counts C",
                lambda: gc_outcome(sequences, np.array([float(each.count("C")) for each in sequences])),
            ),
        ),
        notes=("made up",),
    )


NewCounter = Callable[..., BaseCounter]


@pytest.fixture
def new_counter() -> NewCounter:
    """Makes respondents."""
    return BaseCounter


@pytest.fixture
def sequences() -> tuple[str, ...]:
    return random_sequences(300)


@pytest.fixture
def gc_task() -> Task:
    return Task(
        "gc/test", 1, "More G and C than A and T", "auroc", "made up", "none", gc_plan, options={"width": 8}
    )
