"""Cross-validation in which what belongs together is never on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int

from cistron.errors import InputError
from cistron.heads.allele_pair import AllelePair, AllelePairConfig
from cistron.training.pathogenicity import Fitting
from cistron.training.pathogenicity.fit import Examples, fitted, outputs

FEWEST_FOLDS: Final = 3
"""One to judge on, one to stop by, one to learn from."""


@dataclass(frozen=True)
class Contestant:
    """A head that is judged.

    Attributes:
        config: Of the head.
        examples: What it reads.
        how: How it is fitted, unless it is linear.
    """

    config: AllelePairConfig
    examples: Examples
    how: Fitting = field(default_factory=Fitting)


def by_columns(columns: Sequence[str], examples: Examples) -> Contestant:
    """A baseline: a logistic regression on columns alone."""
    config = AllelePairConfig(1, parts=(), columns=tuple(columns), inner_size=0, dropout=0.0)
    return Contestant(config, examples)


def folds_of(groups: Sequence[str], count: int) -> Int[np.ndarray, "N"]:
    """The fold of each item: whole groups, the largest first, each into the fold that is smallest.

    Raises:
        InputError: There are fewer groups than folds.
    """
    sizes = Counter(groups)
    if len(sizes) < count or count < FEWEST_FOLDS:
        raise InputError(
            f"{len(sizes):,} groups of alleles cannot make {count} folds; {FEWEST_FOLDS} are the fewest, so "
            "give alleles of more genes, or ask for fewer folds"
        )
    filled, fold = [0] * count, {}
    for group, size in sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0])):
        fold[group] = filled.index(min(filled))
        filled[fold[group]] += size
    return np.array([fold[group] for group in groups])


def held_out(
    contestants: Mapping[str, Contestant],
    folds: Int[np.ndarray, "N"],
    seed: int,
    advance: Callable[[int], object] = lambda count: None,
) -> dict[str, Float[np.ndarray, "N"]]:
    """P(pathogenic) of every allele by a head that saw nothing of its fold, for each contestant.

    A head is stopped and calibrated on the fold behind the one that it is judged on.

    Args:
        contestants: By name.
        folds: Of each allele, from 0.
        seed: Of initial weights, order and dropout.
        advance: Called with a number of heads that were just fitted.
    """
    count = int(folds.max()) + 1
    found = {name: np.zeros(len(folds)) for name in contestants}
    for fold in range(count):
        judged, stopped = folds == fold, folds == (fold + 1) % count
        train, validation, test = (
            torch.from_numpy(np.flatnonzero(rows)) for rows in (~(judged | stopped), stopped, judged)
        )
        for name, one in contestants.items():
            head = fitted(one.config, one.examples, train, validation, one.how, seed)
            found[name][judged] = probabilities(head, one.examples, test)
            advance(1)
    return found


def probabilities(
    head: AllelePair, examples: Examples, rows: Int[torch.Tensor, "R"]
) -> Float[np.ndarray, "R"]:
    """Calibrated P(pathogenic) of some rows."""
    return head.answer(outputs(head, examples, rows))[:, 1].double().numpy()
