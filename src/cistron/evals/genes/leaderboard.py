"""Several models over many tasks: means by family, mean ranks, and which differences are more than chance.

Tasks are the units: a model's score on a task is the mean over its folds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.formats.gene_scores import FoldScore
from cistron.metrics.paired import holm


class Comparison(NamedTuple):
    """Two models over the same tasks.

    Attributes:
        first: Name.
        second: Name.
        difference: Mean of first minus second.
        p: Two-sided, of Wilcoxon's signed-rank test.
        adjusted: By Holm's method over all pairs.
    """

    first: str
    second: str
    difference: float
    p: float
    adjusted: float


@dataclass(frozen=True)
class Leaderboard:
    """Scores of models on tasks that all of them were run on.

    Attributes:
        models: Names.
        tasks: Names.
        families: One a task.
        scores: Mean over the folds.
        left_out: Tasks that a model was not run on, or has no score of.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    families: tuple[str, ...]
    scores: Float[np.ndarray, "T M"]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, folds: Iterable[FoldScore]) -> Leaderboard:
        """From fold scores.

        Raises:
            InputError: There are fewer than two models, or no task that all were run on.
        """
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        families: dict[str, str] = {}
        for score in folds:
            found[score.task][score.model].append(score.area)
            families[score.task] = score.family
        models = tuple(sorted({model for scores in found.values() for model in scores}))
        means = {
            task: [float(np.mean(scores.get(model, [np.nan]))) for model in models]
            for task, scores in found.items()
        }
        tasks = tuple(task for task, row in means.items() if np.isfinite(row).all())
        if len(models) < 2 or not tasks:
            raise InputError(
                f"{len(models)} models share {len(tasks)} tasks; a ranking needs two that share one"
            )
        return cls(
            models,
            tasks,
            tuple(families[task] for task in tasks),
            np.array([means[task] for task in tasks]),
            tuple(task for task in means if task not in tasks),
        )

    def family_means(self) -> dict[str, Mapping[str, float]]:
        """Family → model → mean score over its tasks."""
        kinds = np.array(self.families)
        means = {family: self.scores[kinds == family].mean(axis=0) for family in sorted(set(self.families))}
        return {family: dict(zip(self.models, map(float, row), strict=True)) for family, row in means.items()}

    def mean_ranks(self) -> dict[str, float]:
        """Model → mean over tasks of its rank, 1 the best; equals share the mean of theirs."""
        from scipy.stats import rankdata

        ranks = rankdata(-self.scores, axis=1).mean(axis=0)
        return dict(zip(self.models, map(float, ranks), strict=True))

    def friedman(self) -> tuple[float, float] | None:
        """χ² and p that all models rank alike; None of fewer than three models or two tasks.

        Source: Friedman 1937, Journal of the American Statistical Association 32:675.
        """
        from scipy.stats import friedmanchisquare

        if len(self.models) < 3 or len(self.tasks) < 2:
            return None
        found = friedmanchisquare(*self.scores.T)
        return float(found.statistic), float(found.pvalue)

    def comparisons(self) -> list[Comparison]:
        """Every pair of models, the most certain difference first."""
        from scipy.stats import wilcoxon

        pairs = list(combinations(range(len(self.models)), 2))
        values = []
        for one, other in pairs:
            differences = self.scores[:, one] - self.scores[:, other]
            values.append(float(wilcoxon(differences).pvalue) if differences.any() else 1.0)
        made = [
            Comparison(
                self.models[one],
                self.models[other],
                float((self.scores[:, one] - self.scores[:, other]).mean()),
                p,
                adjusted,
            )
            for (one, other), p, adjusted in zip(pairs, values, holm(values), strict=True)
        ]
        return sorted(made, key=lambda each: each.p)
