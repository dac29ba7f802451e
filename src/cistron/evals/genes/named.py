"""A task on genes asked by their symbols: of tables with a vector for each gene, however it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from cistron.evals.answers import Vectors
from cistron.evals.genes.cutting import Pairing, combined
from cistron.evals.outcome import Outcome
from cistron.evals.probing.examples import Examples
from cistron.evals.probing.fit import Told, tell, tell_nonsense
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.requests import NameRequest
from cistron.evals.task import Answers, Control, Plan, Setting


@dataclass(frozen=True)
class Named:
    """The rows of a task and how they are judged where some genes have no vector.

    Attributes:
        rows: Symbols of the genes of each example.
        examples: Their labels and folds.
        pairing: How the vectors of several genes become one.
        metric: The main one.
        setting: Seed and probe.
    """

    rows: tuple[tuple[str, ...], ...]
    examples: Examples
    pairing: Pairing
    metric: str
    setting: Setting

    def plan(self, controls: tuple[Control, ...]) -> Plan:
        """The plan; rows whose genes are not all known are left out.

        Args:
            controls: Of the same task asked by sequences: the labels shuffled.
        """
        genes = sorted({name for row in self.rows for name in row})
        (nonsense,) = controls
        return Plan(
            {"genes": NameRequest(tuple(genes))},
            lambda answers: self._judged(genes, answers, tell),
            controls=(replace(nonsense, judge=lambda answers: self._judged(genes, answers, tell_nonsense)),),
        )

    def _judged(self, genes: list[str], answers: Answers, told: Callable[..., Told]) -> Outcome:
        answer = answers["genes"]
        assert isinstance(answer, Vectors)
        vectors = dict(zip(genes, answer.vectors.astype(np.float64), strict=True))
        known = self._known(vectors)
        examples = self.examples.only(known)
        features = combined(
            [row for row, has in zip(self.rows, known, strict=True) if has], vectors, self.pairing
        )
        probe, seed = str(self.setting.options["probe"]), self.setting.seed
        outcome = outcome_of(told(features, examples, seed=seed, probe=probe), examples, self.metric, seed)
        lacking = int((~known).sum())
        if not lacking:
            return outcome
        note = f"{lacking:,} of {len(known):,} rows left out: the table has no vector for a gene of theirs"
        return replace(outcome, notes=(*outcome.notes, note))

    def _known(self, vectors: dict[str, Float[np.ndarray, "D"]]) -> Bool[np.ndarray, "N"]:
        finite = {name for name, vector in vectors.items() if np.isfinite(vector).all()}
        return np.array([finite.issuperset(row) for row in self.rows])
