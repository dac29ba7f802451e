"""Linear probes: their only freedom is how much they are held back, searched inside the training part."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.evals.probing.examples import Indices

STRENGTHS: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C, 1 / α of ridge regression, that are tried, the same for every representation."""

SEARCHED_ON: Final = 4000
"""Most training examples that C is chosen on; the model is then fitted to all of them."""

_INNER_FOLDS: Final = 3
_STEPS: Final = 1000
_DIRECTIONS: Final = 20

_LEAST: Final = 1e-12
"""Probability below which certainty that was wrong costs no more."""

Features = Float[np.ndarray, "N D"]
Labels = NDArray[Any]
Groups = NDArray[Any]


@dataclass(frozen=True)
class Fitted:
    """A fitted probe.

    Attributes:
        tell: Features → probability of each class that occurs in the training labels, in ascending order;
            one column of numbers where those are told.
        strength: The C that was chosen; None where nothing is.
        finished: Whether the fit converged.
    """

    tell: Callable[[Features], Float[np.ndarray, "N K"]]
    strength: float | None = None
    finished: bool = True


Fit = Callable[[Features, Labels, Groups, int], Fitted]
"""Features, labels, groups and a seed → what was fitted."""


def fit_logistic(
    features: Features, labels: Labels, groups: Groups, seed: int, *, searched_on: int = SEARCHED_ON
) -> Fitted:
    """A logistic regression whose C makes held-out parts of the training part likeliest."""
    some = np.random.default_rng(seed).permutation(len(labels))[:searched_on]
    strength = _chosen_strength(features[some], labels[some], groups[some], seed)
    model, finished = _logistic(features, labels, strength)
    return Fitted(model.predict_proba, strength, finished)


def fit_held_back(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """A logistic regression with C = 0.01 and no search."""
    del groups, seed
    model, finished = _logistic(features, labels, 0.01)
    return Fitted(model.predict_proba, finished=finished)


def fit_main_directions(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """`fit_logistic` on the 20 directions in which the training part varies most."""
    from sklearn.decomposition import PCA

    directions = PCA(min(_DIRECTIONS, *features.shape), random_state=seed).fit(features)
    fitted = fit_logistic(directions.transform(features), labels, groups, seed)
    return replace(fitted, tell=lambda given: fitted.tell(directions.transform(given)))


def fit_ridge(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """A linear regression whose α = 1 / C makes the error on held-out parts of the training part least."""
    from sklearn.linear_model import Ridge

    some = np.random.default_rng(seed).permutation(len(labels))[:SEARCHED_ON]
    found, numbers, known = features[some], labels[some], groups[some]
    errors = dict.fromkeys(STRENGTHS, 0.0)
    for train, test in _plain_splits(known, seed):
        for strength in STRENGTHS:
            model = Ridge(alpha=1 / strength).fit(found[train], numbers[train])
            errors[strength] += float(((model.predict(found[test]) - numbers[test]) ** 2).sum())
    best = min(errors, key=lambda strength: errors[strength])
    model = Ridge(alpha=1 / best).fit(features, labels)
    return Fitted(lambda given: model.predict(given)[:, None], best)


def _chosen_strength(features: Features, labels: Labels, groups: Groups, seed: int) -> float:
    """The C under which held-out parts of the training part are likeliest; the smaller of equals."""
    if np.unique(labels, return_counts=True)[1].min() < _INNER_FOLDS:
        return 1.0
    splits = list(_stratified_splits(features, labels, groups, seed))
    gains = [
        sum(_log_likelihood(features, labels, *split, strength) for split in splits) for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmax(gains))]


def _stratified_splits(
    features: Features, labels: Labels, groups: Groups, seed: int
) -> Iterator[tuple[Indices, Indices]]:
    """Inner folds whose training part has every class."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(_INNER_FOLDS, shuffle=True, random_state=seed)
    classes = len(np.unique(labels))
    for train, test in splitter.split(features, labels, groups):
        if len(np.unique(labels[train])) == classes:
            yield train, test


def _plain_splits(groups: Groups, seed: int) -> Iterator[tuple[Indices, Indices]]:
    from sklearn.model_selection import GroupKFold

    folds = min(_INNER_FOLDS, len(np.unique(groups)))
    if folds > 1:
        splitter = GroupKFold(folds, shuffle=True, random_state=seed)
        yield from splitter.split(np.zeros(len(groups)), groups=groups)


def _log_likelihood(
    features: Features, labels: Labels, train: Indices, test: Indices, strength: float
) -> float:
    model, _ = _logistic(features[train], labels[train], strength)
    rows = np.searchsorted(model.classes_, labels[test])
    found = model.predict_proba(features[test])[np.arange(len(test)), rows]
    return float(np.log(np.maximum(found, _LEAST)).sum())


def _logistic(features: Features, labels: Labels, strength: float) -> tuple[Any, bool]:
    """A fitted logistic regression, and whether it converged."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=_STEPS)
    return model, converged(lambda: model.fit(features, labels))


def converged(fit: Callable[[], object]) -> bool:
    """Run a fit of scikit-learn; whether it converged, which is then not warned of."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ConvergenceWarning)
        fit()
    return not any(issubclass(each.category, ConvergenceWarning) for each in told)
