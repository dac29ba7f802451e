"""The probe itself: a linear classifier whose only freedom is how much it is held back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.extras import require
from cistron.evals.probing.examples import Examples, Fold, Indices

STRENGTHS: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C that are tried, the same for every representation."""

_INNER_FOLDS: Final = 3
_SEARCHED_ON: Final = 4000
"""Most training examples that C is chosen on; the classifier is then fitted to all of them."""

_STEPS: Final = 1000

_ROUNDING: Final = 1e-7
"""Deviation, relative to the mean, of a float32 feature that is constant."""

_LEAST: Final = 1e-12
"""Probability below which certainty that was wrong costs no more."""


@dataclass(frozen=True)
class Told:
    """What a probe said of the tested examples.

    Attributes:
        at: Their indices.
        probabilities: Of each class, one row an example.
        strengths: The C that was chosen in each fold.
        unfinished: Folds whose fit had not converged.
    """

    at: Indices
    probabilities: Float[np.ndarray, "T K"]
    strengths: tuple[float, ...]
    unfinished: int


def tell(features: Float[np.ndarray, "N D"], examples: Examples, *, seed: int) -> Told:
    """Fit to each fold's training part and tell the classes of its test part.

    Features are standardised by the training part alone; C is chosen by cross-validation inside it, with
    groups kept on one side, by mean log-likelihood.

    Args:
        features: One row an example.
        examples: Their labels and split.
        seed: Of the inner folds.

    Raises:
        InputError: A feature is not a number; names the first example. Or a fold trains on one class.
        MissingExtraError: scikit-learn is not installed.
    """
    _require_finite(features, examples)
    parts = [_tell_fold(features, examples, fold, seed) for fold in examples.folds]
    return Told(
        examples.tested,
        np.concatenate([probabilities for probabilities, _, _ in parts]),
        tuple(strength for _, strength, _ in parts),
        sum(unfinished for _, _, unfinished in parts),
    )


def tell_nonsense(
    features: Float[np.ndarray, "N D"], examples: Examples, *, seed: int, times: int = 10
) -> Told:
    """Fit to permuted labels and tell the true ones: what the procedure gives when there is nothing to learn.

    C is 0.01 and at most 4,000 training examples are used. Each permutation tells all tested examples, one
    permutation after the other.

    Args:
        features: One row an example.
        examples: Their labels and split.
        seed: Of the permutations.
        times: Permutations.
    """
    random = np.random.default_rng(seed)
    parts = []
    for _ in range(times):
        for fold in examples.folds:
            train = random.permutation(fold.train)[:_SEARCHED_ON]
            labels = random.permutation(examples.labels[train])
            known, unknown = _standardised(features, Fold(train, fold.test))
            parts.append(_probabilities(_fitted(known, labels, 0.01)[0], unknown, examples))
    return Told(np.tile(examples.tested, times), np.concatenate(parts), (), 0)


def _tell_fold(
    features: Float[np.ndarray, "N D"], examples: Examples, fold: Fold, seed: int
) -> tuple[Float[np.ndarray, "T K"], float, bool]:
    known, unknown = _standardised(features, fold)
    labels = examples.labels[fold.train]
    if len(np.unique(labels)) < 2:
        raise InputError(f"a fold has {len(labels)} training examples of one class alone; use more examples")
    strength = _chosen_strength(known, labels, examples.groups[fold.train], seed)
    model, finished = _fitted(known, labels, strength)
    return _probabilities(model, unknown, examples), strength, not finished


def _standardised(
    features: Float[np.ndarray, "N D"], fold: Fold
) -> tuple[Float[np.ndarray, "A D"], Float[np.ndarray, "T D"]]:
    """Training and test part, with mean 0 and deviation 1 in the former."""
    train = features[fold.train]
    middle, spread = train.mean(axis=0), train.std(axis=0)
    # What varies by rounding alone is constant: scaling it up would make noise of it.
    scale = np.where(spread > _ROUNDING * np.maximum(np.abs(middle), 1), spread, np.inf)
    return (train - middle) / scale, (features[fold.test] - middle) / scale


def _probabilities(
    model: Any, features: Float[np.ndarray, "T D"], examples: Examples
) -> Float[np.ndarray, "T K"]:
    """Of every class of the task; a class that the training part lacks has none."""
    found = np.zeros((len(features), len(examples.classes)))
    found[:, model.classes_] = model.predict_proba(features)
    return found


def _chosen_strength(
    features: Float[np.ndarray, "N D"], labels: NDArray[Any], groups: NDArray[Any], seed: int
) -> float:
    """The C under which held-out parts of the training part are likeliest; the smaller of equals."""
    from sklearn.model_selection import StratifiedGroupKFold

    some = np.random.default_rng(seed).permutation(len(labels))[:_SEARCHED_ON]
    features, labels, groups = features[some], labels[some], groups[some]
    if np.bincount(np.unique(labels, return_inverse=True)[1]).min() < _INNER_FOLDS:
        return 1.0
    splitter = StratifiedGroupKFold(_INNER_FOLDS, shuffle=True, random_state=seed)
    splits = [
        (train, test)
        for train, test in splitter.split(features, labels, groups)
        if len(np.unique(labels[train])) == len(np.unique(labels))
    ]
    gains = [
        sum(_log_likelihood(features, labels, *split, strength) for split in splits) for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmax(gains))]


def _log_likelihood(
    features: Float[np.ndarray, "N D"], labels: NDArray[Any], train: Indices, test: Indices, strength: float
) -> float:
    model, _ = _fitted(features[train], labels[train], strength)
    rows = np.searchsorted(model.classes_, labels[test])
    found = model.predict_proba(features[test])[np.arange(len(test)), rows]
    return float(np.log(np.maximum(found, _LEAST)).sum())


def _fitted(features: Float[np.ndarray, "N D"], labels: NDArray[Any], strength: float) -> tuple[Any, bool]:
    """A fitted logistic regression, and whether it converged."""
    require_scikit_learn()
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=_STEPS)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features, labels)
    return model, not any(issubclass(each.category, ConvergenceWarning) for each in told)


def require_scikit_learn() -> None:
    """Return silently where scikit-learn is installed.

    Raises:
        MissingExtraError: It is not.
    """
    require("sklearn", "probes need scikit-learn")


def _require_finite(features: Float[np.ndarray, "N D"], examples: Examples) -> None:
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(broken):
        raise InputError(
            f"{len(broken)} of {len(features)} embeddings are not numbers, the first that of"
            f" {examples.names[int(broken[0])]}"
        )
