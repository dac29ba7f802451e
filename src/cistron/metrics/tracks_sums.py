"""What agreement of two tracks is computed from: sums over blocks, so that memory does not grow with bases.

Linear correlation and deviance need a few sums of each block. Ranks come from counting pairs of classes of
values, so that blocks that are drawn can be ranked anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cistron.metrics.blocks import Statistic
from cistron.metrics.tracks_classes import Classes

LEAST: Final = 1e-7
"""Predictions below it count as so much in the deviance, which is infinite where nothing was predicted."""

_DRAWS_AT_ONCE: Final = 64
_FLAT: Final = 1e-18  # variance over mean square, below which a track is constant but for rounding

_Values = Float[np.ndarray, "N"]


class Density(NamedTuple):
    """How often values of two tracks come together.

    Attributes:
        counts: Pairs by class of measured (rows) and of predicted values.
        measured: Lowest value of each row's class.
        predicted: Lowest value of each column's class.
    """

    counts: Int[np.ndarray, "M P"]
    measured: Float[np.ndarray, "M"]
    predicted: Float[np.ndarray, "P"]


class _Block(NamedTuple):
    """Sums of one block, for raw and log1p values: means, squares and products about these means."""

    pairs: int
    measured_mean: Float[np.ndarray, "2"]
    predicted_mean: Float[np.ndarray, "2"]
    measured_square: Float[np.ndarray, "2"]
    predicted_square: Float[np.ndarray, "2"]
    product: Float[np.ndarray, "2"]
    deviance: float
    joint: Int[np.ndarray, "M P"]
    measured_range: tuple[float, float]
    predicted_range: tuple[float, float]


class PairSums:
    """Sums over pairs of a measured and a predicted value, kept apart for each block.

    Args:
        measured: Classes of the measured values, from `ValueCounts.classes`.
        predicted: Those of the predictions.
    """

    def __init__(self, measured: Classes, predicted: Classes) -> None:
        self._classes: Final = measured, predicted
        self._blocks: list[_Block] = []

    def add(self, measured: _Values, predicted: _Values) -> None:
        """Take in one block of pairs; none is negative or NaN. A block without pairs is passed over."""
        if not len(measured):
            return
        raw, log = (measured, predicted), (np.log1p(measured), np.log1p(predicted))
        means = np.array([[_mean(values) for values in pair] for pair in (raw, log)])
        apart = [[v - m for v, m in zip(p, pm, strict=True)] for p, pm in zip((raw, log), means, strict=True)]
        self._blocks.append(
            _Block(
                len(measured),
                means[:, 0],
                means[:, 1],
                np.array([a @ a for a, _ in apart]),
                np.array([b @ b for _, b in apart]),
                np.array([a @ b for a, b in apart]),
                float(poisson_deviance(measured, predicted).sum()),
                self._joint(measured, predicted),
                (float(measured.min()), float(measured.max())),
                (float(predicted.min()), float(predicted.max())),
            )
        )

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def pairs(self) -> int:
        """Pairs in all blocks."""
        return sum(block.pairs for block in self._blocks)

    def statistics(self) -> dict[str, Statistic]:
        """Each metric of `metrics.tracks` as a function of how often every block is drawn."""
        return {
            "pearson_log1p": _pearson(self._blocks, 1),
            "pearson": _pearson(self._blocks, 0),
            "spearman": _spearman(self._blocks),
            "poisson_deviance": _deviance(self._blocks),
            "auroc_nonzero": _auroc(self._blocks),
        }

    def undefined(self) -> dict[str, str]:
        """Metric → why it is not defined; empty where all are."""
        sides = {
            "measurement": [block.measured_range for block in self._blocks],
            "prediction": [block.predicted_range for block in self._blocks],
        }
        flat = [side for side, ranges in sides.items() if np.ptp(ranges) == 0]
        why = f"the {flat[0]} does not vary" if flat else ""
        found = dict.fromkeys(("pearson_log1p", "pearson", "spearman"), why) if why else {}
        zeros = sum(int(block.joint[0].sum()) for block in self._blocks)
        if zeros in (0, self.pairs):
            found["auroc_nonzero"] = "the measurement is zero everywhere" if zeros else "nothing is zero"
        return found

    def density(self) -> Density:
        """How many pairs fall into each class of measured and of predicted values."""
        counts = np.array([block.joint for block in self._blocks]).sum(axis=0, dtype=np.int64)
        return Density(np.asarray(counts), *(classes.lowest() for classes in self._classes))

    def _joint(self, measured: _Values, predicted: _Values) -> Int[np.ndarray, "M P"]:
        shape = len(self._classes[0]), len(self._classes[1])
        cells = self._classes[0].of(measured) * shape[1] + self._classes[1].of(predicted)
        return np.bincount(cells, minlength=shape[0] * shape[1]).astype(np.uint32).reshape(shape)


def poisson_deviance(measured: _Values, predicted: _Values) -> _Values:
    """Deviance of each pair: 2 (y log(y / p) − (y − p)), zero where they agree, lower is better.

    Predictions below `LEAST` count as `LEAST`. Coverage that was normalised is no count; then this is the
    deviance of a quasi-likelihood whose variance is proportional to the mean.

    Source: McCullagh & Nelder 1989, Generalized Linear Models, section 2.3.
    """
    floored = np.maximum(predicted, LEAST)
    ratio = np.divide(measured, floored, out=np.ones_like(floored), where=measured > 0)
    return np.asarray(2 * (measured * np.log(ratio) - (measured - floored)))


def _pearson(blocks: Sequence[_Block], scale: int) -> Statistic:
    """Linear correlation over all drawn blocks; NaN where one side does not vary."""
    count = np.array([block.pairs for block in blocks], dtype=np.float64)
    sums = [
        (b.measured_mean, b.predicted_mean, b.measured_square, b.predicted_square, b.product) for b in blocks
    ]
    a, b, aa, bb, ab = np.array(sums)[:, :, scale].T
    centre = float(count @ a / count.sum()), float(count @ b / count.sum())
    a, b = a - centre[0], b - centre[1]

    def value(weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R"]:
        n = weights @ count
        mean_a, mean_b = weights @ (count * a) / n, weights @ (count * b) / n
        square_a = weights @ (aa + count * a**2) / n - mean_a**2
        square_b = weights @ (bb + count * b**2) / n - mean_b**2
        product = weights @ (ab + count * a * b) / n - mean_a * mean_b
        varies = (square_a > _FLAT * centre[0] ** 2) & (square_b > _FLAT * centre[1] ** 2)
        found = np.full(len(weights), np.nan)
        np.divide(product, np.sqrt(np.abs(square_a * square_b)), out=found, where=varies)
        return found

    return value


def _deviance(blocks: Sequence[_Block]) -> Statistic:
    count = np.array([block.pairs for block in blocks], dtype=np.float64)
    total = np.array([block.deviance for block in blocks])
    return lambda weights: weights @ total / (weights @ count)


def _spearman(blocks: Sequence[_Block]) -> Statistic:
    """Rank correlation of classes, ties at their mean rank; blocks that are drawn are ranked anew."""
    joint = np.array([block.joint.ravel() for block in blocks], dtype=np.float32)
    shape = blocks[0].joint.shape

    def one(counts: Float[np.ndarray, "M P"]) -> float:
        total = counts.sum()
        rows, columns = counts.sum(axis=1), counts.sum(axis=0)
        x, y = (np.cumsum(part) - (part + total) / 2 for part in (rows, columns))
        spread = np.sqrt((rows @ x**2) * (columns @ y**2))
        return float(x @ counts @ y / spread) if spread > 0 else np.nan

    def value(weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R"]:
        drawn = weights.astype(np.float32)
        parts = [drawn[at : at + _DRAWS_AT_ONCE] @ joint for at in range(0, len(drawn), _DRAWS_AT_ONCE)]
        return np.array([one(row.reshape(shape).astype(np.float64)) for part in parts for row in part])

    return value


def _auroc(blocks: Sequence[_Block]) -> Statistic:
    """Chance that a base with signal is predicted above one without; NaN where there is only one kind."""
    zero = np.array([block.joint[0] for block in blocks], dtype=np.float64)
    signal = np.array([block.joint[1:].sum(axis=0) for block in blocks], dtype=np.float64)

    def value(weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R"]:
        negative, positive = weights @ zero, weights @ signal
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs = negative.sum(axis=1) * positive.sum(axis=1)
        found = np.full(len(weights), np.nan)
        np.divide((positive * below).sum(axis=1), pairs, out=found, where=pairs > 0)
        return found

    return value


def _mean(values: _Values) -> float:
    """The mean; of equal values exactly their value, so that they are seen not to vary."""
    low = float(values.min())
    return low if low == float(values.max()) else float(values.mean())
