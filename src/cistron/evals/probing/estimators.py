"""What can be fitted to features: linear models, boosted trees, a small network.

Trees and network are taken as they are, with the settings given here, and have a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np

from cistron.errors import InputError
from cistron.evals.extras import require
from cistron.evals.probing.examples import Kind
from cistron.evals.probing.linear import (
    Features,
    Fit,
    Fitted,
    Groups,
    Labels,
    converged,
    fit_logistic,
    fit_main_directions,
    fit_ridge,
)
from cistron.registry import unknown

PUBLISHED_TREES: Final = {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 6}
"""Source: notebook of Genos's population task."""

_SEARCHED_ON_FOR_MARKS: Final = 1000
"""Most training examples that C is chosen on where there is a model for each of many marks."""

_PASSES: Final = 300
_HIDDEN: Final = (64,)
_FOR_STOPPING: Final = 500
"""Fewest training examples of which a tenth is set aside to stop the network by."""


def fit_trees(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """Boosted trees with the settings of `PUBLISHED_TREES`."""
    del groups
    require("xgboost", "boosted trees need xgboost")
    from xgboost import XGBClassifier

    numbers = np.unique(labels, return_inverse=True)[1]
    model = XGBClassifier(**PUBLISHED_TREES, random_state=seed).fit(features, numbers)
    return Fitted(lambda given: np.asarray(model.predict_proba(given), dtype=np.float64))


def fit_tree_regression(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """Boosted trees for numbers, with the settings of `PUBLISHED_TREES`."""
    del groups
    require("xgboost", "boosted trees need xgboost")
    from xgboost import XGBRegressor

    model = XGBRegressor(**PUBLISHED_TREES, random_state=seed).fit(features, labels)
    return Fitted(lambda given: np.asarray(model.predict(given), dtype=np.float64)[:, None])


def fit_network(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """One hidden layer of 64; stopped by a tenth of the training part where that is large enough."""
    del groups
    from sklearn.neural_network import MLPClassifier

    rarest = np.unique(labels, return_counts=True)[1].min()
    stopping = len(labels) >= _FOR_STOPPING and rarest > 1
    model = MLPClassifier(
        hidden_layer_sizes=_HIDDEN, random_state=seed, early_stopping=bool(stopping), max_iter=_PASSES
    )
    finished = converged(lambda: model.fit(features, labels))
    return Fitted(model.predict_proba, finished=finished)


def fit_network_regression(features: Features, labels: Labels, groups: Groups, seed: int) -> Fitted:
    """One hidden layer of 64 for numbers, which are standardised for it."""
    del groups
    from sklearn.neural_network import MLPRegressor

    middle, spread = labels.mean(), labels.std() or 1.0
    stopping = len(labels) >= _FOR_STOPPING
    model = MLPRegressor(
        hidden_layer_sizes=_HIDDEN, random_state=seed, early_stopping=stopping, max_iter=_PASSES
    )
    finished = converged(lambda: model.fit(features, (labels - middle) / spread))
    return Fitted(lambda given: (model.predict(given) * spread + middle)[:, None], finished=finished)


PROBES: Final[Mapping[str, Mapping[str, Fit]]] = {
    "classes": {
        "logistic": fit_logistic,
        "pca": fit_main_directions,
        "xgboost": fit_trees,
        "mlp": fit_network,
    },
    "marks": {
        "logistic": partial(fit_logistic, searched_on=_SEARCHED_ON_FOR_MARKS),
        "xgboost": fit_trees,
        "mlp": fit_network,
    },
    "numbers": {"ridge": fit_ridge, "xgboost": fit_tree_regression, "mlp": fit_network_regression},
}
"""Kind of label → name of a probe → how it is fitted; the first is the one taken without a choice."""


def probe_of(name: str, kind: Kind) -> Fit:
    """The probe called `name`; `linear` is logistic or ridge regression, whichever the labels want.

    Raises:
        InputError: No such probe, or not for labels of that kind.
        MissingExtraError: scikit-learn is not installed.
    """
    require_scikit_learn()
    known = PROBES[kind]
    if name == "linear":
        return next(iter(known.values()))
    if name not in known:
        raise InputError(unknown(f"probe for {kind}", name, known))
    return known[name]


def require_scikit_learn() -> None:
    """Return silently where scikit-learn is installed.

    Raises:
        MissingExtraError: It is not.
    """
    require("sklearn", "probes need scikit-learn")
