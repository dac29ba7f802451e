"""The probe in its folds: standardised by the training part, fitted to it, asked about the test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.probing.estimators import probe_of
from cistron.evals.probing.examples import Examples, Fold
from cistron.evals.probing.linear import SEARCHED_ON, Fit, fit_held_back

LINEAR: Final = "linear"
"""Logistic or ridge regression, whichever the labels want."""

_ROUNDING: Final = 1e-7
"""Deviation, relative to the mean, of a float32 feature that is constant."""

_TIMES: Final = 10
_SLOW_TIMES: Final = 5


@dataclass(frozen=True)
class Told:
    """What a probe said of the tested examples.

    Attributes:
        at: Their indices.
        values: Probability of each class or mark, or a number; one row an example.
        strengths: The C that was chosen in each fold.
        unfinished: Folds whose fit had not converged.
    """

    at: NDArray[np.intp]
    values: Float[np.ndarray, "T K"]
    strengths: tuple[float, ...] = ()
    unfinished: int = 0


def tell(features: Float[np.ndarray, "N D"], examples: Examples, *, seed: int, probe: str = LINEAR) -> Told:
    """Fit to each fold's training part and tell the labels of its test part.

    Features are standardised by the training part alone; what a linear probe is free to choose is chosen by
    cross-validation inside it, with groups kept on one side. Marks are told one by one.

    Args:
        features: One row an example.
        examples: Their labels and split.
        seed: Of the inner folds, and of probes that draw.
        probe: A name of `cistron.evals.probing.estimators.PROBES`, or `linear`.

    Raises:
        InputError: A feature is not a number; names the first example. Or a fold trains on one class, or the
            probe is unknown or not for such labels.
        MissingExtraError: What the probe needs is not installed.
    """
    require_finite(features, examples)
    fit = probe_of(probe, examples.kind)
    parts = [_tell_fold(features, examples, fold, fit, seed) for fold in examples.folds]
    return Told(
        examples.tested,
        np.concatenate([part.values for part in parts]),
        tuple(strength for part in parts for strength in part.strengths),
        sum(part.unfinished > 0 for part in parts),
    )


def tell_nonsense(
    features: Float[np.ndarray, "N D"], examples: Examples, *, seed: int, probe: str = LINEAR
) -> Told:
    """Fit to permuted labels and tell the true ones: what the procedure gives when there is nothing to learn.

    Ten permutations, five of probes that are slow; a logistic regression has C = 0.01. At most 4,000 training
    examples are used. Each permutation tells all tested examples, one permutation after the other.

    Args:
        features: One row an example.
        examples: Their labels and split.
        seed: Of the permutations.
        probe: As in `tell`.
    """
    fit = probe_of(probe, examples.kind)
    if examples.kind != "numbers" and probe in (LINEAR, "logistic"):
        fit = fit_held_back
    random, times = np.random.default_rng(seed), nonsense_times(probe)
    parts = []
    for _ in range(times):
        for fold in examples.folds:
            train = random.permutation(fold.train)[:SEARCHED_ON]
            labels = random.permutation(examples.labels[train])
            known, unknown = _standardised(features, Fold(train, fold.test))
            groups = examples.groups[train]
            parts.append(_tell_labels(fit, known, labels, groups, unknown, examples, seed).values)
    return Told(np.tile(examples.tested, times), np.concatenate(parts))


def nonsense_times(probe: str) -> int:
    """How many permutations `tell_nonsense` makes."""
    return _TIMES if probe in (LINEAR, "logistic", "ridge") else _SLOW_TIMES


def require_finite(features: Float[np.ndarray, "N D"], examples: Examples) -> None:
    """Return silently when every feature is a number.

    Raises:
        InputError: One is not; names the first example.
    """
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(broken):
        raise InputError(
            f"{len(broken)} of {len(features)} embeddings are not numbers, the first that of"
            f" {examples.names[int(broken[0])]}"
        )


def _tell_fold(
    features: Float[np.ndarray, "N D"], examples: Examples, fold: Fold, fit: Fit, seed: int
) -> Told:
    known, unknown = _standardised(features, fold)
    labels = examples.labels[fold.train]
    if examples.kind == "classes" and len(np.unique(labels)) < 2:
        raise InputError(f"a fold has {len(labels)} training examples of one class alone; use more examples")
    return _tell_labels(fit, known, labels, examples.groups[fold.train], unknown, examples, seed)


def _tell_labels(
    fit: Fit,
    known: Float[np.ndarray, "A D"],
    labels: NDArray[np.generic],
    groups: NDArray[np.generic],
    unknown: Float[np.ndarray, "T D"],
    examples: Examples,
    seed: int,
) -> Told:
    """What one fit, or one for each mark, says of the unknown ones."""
    at = np.arange(len(unknown))
    if examples.kind == "marks":
        each = [_tell_mark(fit, known, column, groups, unknown, seed) for column in labels.T]
        strengths = tuple(strength for told in each for strength in told.strengths)
        values = np.concatenate([told.values for told in each], axis=1)
        return Told(at, values, strengths, sum(told.unfinished for told in each))
    fitted = fit(known, labels, groups, seed)
    values = fitted.tell(unknown)
    if examples.kind == "classes":
        # A class that the training part lacks has no probability.
        spread = np.zeros((len(unknown), len(examples.classes)))
        spread[:, np.unique(labels).astype(int)] = values
        values = spread
    strengths = () if fitted.strength is None else (fitted.strength,)
    return Told(at, np.asarray(values, dtype=np.float64), strengths, int(not fitted.finished))


def _tell_mark(
    fit: Fit,
    known: Float[np.ndarray, "A D"],
    labels: NDArray[np.generic],
    groups: NDArray[np.generic],
    unknown: Float[np.ndarray, "T D"],
    seed: int,
) -> Told:
    """Chance of one mark; its share in the training part where that is all or nothing."""
    at = np.arange(len(unknown))
    if len(np.unique(labels)) < 2:
        return Told(at, np.full((len(unknown), 1), float(labels.astype(float).mean())))
    fitted = fit(known, labels, groups, seed)
    strengths = () if fitted.strength is None else (fitted.strength,)
    return Told(at, fitted.tell(unknown)[:, 1:], strengths, int(not fitted.finished))


def _standardised(
    features: Float[np.ndarray, "N D"], fold: Fold
) -> tuple[Float[np.ndarray, "A D"], Float[np.ndarray, "T D"]]:
    """Training and test part, with mean 0 and deviation 1 in the former."""
    train = features[fold.train]
    middle, spread = train.mean(axis=0), train.std(axis=0)
    # What varies by rounding alone is constant: scaling it up would make noise of it.
    scale = np.where(spread > _ROUNDING * np.maximum(np.abs(middle), 1), spread, np.inf)
    return (train - middle) / scale, (features[fold.test] - middle) / scale
