"""Rows that every probe task carries: what can be told without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from jaxtyping import Float, Float32

from cistron.evals.outcome import Outcome
from cistron.evals.probing.examples import Examples, Fold, Kind
from cistron.evals.probing.fit import LINEAR, Told, tell
from cistron.evals.probing.words import both_strands, composition, word_counts
from cistron.evals.task import Baseline

WORD = 5
"""Bases of a word."""

_MAJORITY: Final[Mapping[Kind, str]] = {
    "classes": "the most frequent class of the training part",
    "marks": "the share of each mark in the training part",
    "numbers": "the mean of the training part",
}

Judge = Callable[[Told], Outcome]


def baselines(examples: Examples, judge: Judge, seed: int, probe: str = LINEAR) -> tuple[Baseline, ...]:
    """Majority, composition, words and, of classes, a Markov model for each, judged as models are.

    Args:
        examples: The task's.
        judge: Makes an outcome of what was told.
        seed: Of the probes' inner folds.
        probe: The task's.
    """
    made = (
        Baseline("majority", _MAJORITY[examples.kind], lambda: judge(_majority(examples))),
        Baseline(
            "length, GC, CpG",
            "the same probe on length, share of G and C, and CpG observed over expected",
            lambda: judge(tell(composition(examples.sequences), examples, seed=seed, probe=probe)),
        ),
        Baseline(
            f"words of {WORD} bases",
            f"the same probe on frequencies of words of {WORD} bases, both strands together",
            lambda: judge(tell(word_shares(examples.sequences), examples, seed=seed, probe=probe)),
        ),
    )
    if examples.kind != "classes":
        return made
    markov = Baseline(
        f"Markov {WORD - 1} for each class",
        f"Markov models of order {WORD - 1}, one fitted to each class of the training part; Bayes' rule",
        lambda: judge(_markov(examples)),
    )
    return (*made, markov)


def word_shares(sequences: Sequence[str]) -> Float32[np.ndarray, "N words"]:
    """Share of each word of `WORD` bases in each sequence, both strands together."""
    counts = both_strands(word_counts(sequences, WORD), WORD)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), dtype=np.float32)


def _majority(examples: Examples) -> Told:
    # One share for all folds: with shares of their own, folds rank against their own test parts.
    known = np.concatenate([examples.labels[fold.train] for fold in examples.folds])
    if examples.kind == "classes":
        known = np.eye(len(examples.classes))[known]
    shares = known.mean(axis=0).reshape(1, -1)
    return Told(examples.tested, np.repeat(shares, len(examples.tested), axis=0))


def _markov(examples: Examples) -> Told:
    counts = word_counts(examples.sequences, WORD)
    parts = [_class_probabilities(counts, examples, fold) for fold in examples.folds]
    return Told(examples.tested, np.concatenate(parts))


def _class_probabilities(
    counts: Float32[np.ndarray, "N words"], examples: Examples, fold: Fold
) -> Float[np.ndarray, "T K"]:
    """Of each class by Bayes' rule; every next base counts one more than seen, in every context."""
    scores = []
    for label in range(len(examples.classes)):
        members = fold.train[examples.labels[fold.train] == label]
        seen = counts[members].sum(axis=0, dtype=np.float64).reshape(-1, 4) + 1
        log_p = np.log(seen / seen.sum(axis=1, keepdims=True)).ravel()
        scores.append(counts[fold.test] @ log_p + np.log(max(len(members), 1) / len(fold.train)))
    joint = np.stack(scores, axis=1)
    raised = np.exp(joint - joint.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
