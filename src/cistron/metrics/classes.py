"""How well classes are told: accuracy, Matthews' correlation, F1, from one table of counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.metrics.blocks import Statistic

Labels = NDArray[Any] | Sequence[Any]
_Tables = Float[np.ndarray, "R K K"]


def accuracy_of(labels: Labels, predictions: Labels) -> Statistic:
    """Share of items whose class is said right."""
    return _from_tables(labels, predictions, lambda t: _ratio(_diagonal(t), t.sum(axis=(1, 2))))


def mcc_of(labels: Labels, predictions: Labels) -> Statistic:
    """Matthews' correlation of label and prediction for any number of classes; 0 where one is constant.

    Source: Gorodkin 2004, Computational Biology and Chemistry 28:367, equation 8.
    """
    return _from_tables(labels, predictions, _mcc)


def f1_of(labels: Labels, predictions: Labels) -> Statistic:
    """Mean over the classes of the harmonic mean of precision and recall; 0 for a class never said right.

    Classes that neither occur nor are said in a sample do not count in it.
    """
    return _from_tables(labels, predictions, _macro_f1)


def _from_tables(
    labels: Labels, predictions: Labels, reduce: Callable[[_Tables], Float[np.ndarray, "R"]]
) -> Statistic:
    """A statistic of the weighted table of labels (rows) against predictions (columns)."""
    truth, said = np.asarray(labels), np.asarray(predictions)
    if len(truth) != len(said):
        raise InputError(f"{len(truth)} labels and {len(said)} predictions do not belong together")
    classes, codes = np.unique(np.concatenate([truth, said]), return_inverse=True)
    count = len(classes)
    cells = np.eye(count * count)[codes[: len(truth)] * count + codes[len(truth) :]]
    return lambda weights: reduce((weights @ cells).reshape(-1, count, count))


def _mcc(tables: _Tables) -> Float[np.ndarray, "R"]:
    total, right = tables.sum(axis=(1, 2)), _diagonal(tables)
    truth, said = tables.sum(axis=2), tables.sum(axis=1)
    covariance = right * total - (truth * said).sum(axis=1)
    spread = (total**2 - (truth**2).sum(axis=1)) * (total**2 - (said**2).sum(axis=1))
    return np.where(spread > 0, _ratio(covariance, np.sqrt(np.maximum(spread, 0))), 0.0)


def _macro_f1(tables: _Tables) -> Float[np.ndarray, "R"]:
    right = np.diagonal(tables, axis1=1, axis2=2)
    met = tables.sum(axis=2) + tables.sum(axis=1)
    each = np.where(met > 0, _ratio(2 * right, met), np.nan)
    return np.asarray(np.nanmean(each, axis=1))


def _diagonal(tables: _Tables) -> Float[np.ndarray, "R"]:
    return np.asarray(np.trace(tables, axis1=1, axis2=2))


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[np.float64] = np.zeros(above.shape)
    np.divide(above, below, out=found, where=below > 0)
    return found
