"""How well predicted coverage agrees with measured coverage: at bases, in bins, by genes, with intervals.

Neighbouring bases are not independent, so intervals come from drawing blocks of a genome with replacement.
Tracks are read block by block, twice: memory does not grow with the number of bases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from cistron.errors import InputError
from cistron.genome import Interval
from cistron.metrics.blocks import Statistic, difference_of, interval_of, value_of
from cistron.metrics.tracks_blocks import BIN, BLOCK, BlockReader, Known, Signal, blocks_of, usual_block
from cistron.metrics.tracks_classes import MEASURED, PREDICTED, ValueCounts
from cistron.metrics.tracks_sums import Density, PairSums

Level = Literal["base", "bin", "gene"]

FEWEST_BLOCKS: Final = 5
"""Fewer blocks than this give no interval."""

HIGHER_IS_BETTER: Final[dict[str, bool]] = {
    "pearson_log1p": True,
    "pearson": True,
    "spearman": True,
    "poisson_deviance": False,
    "auroc_nonzero": True,
    "pearson_log1p_mean": True,
    "outliers": False,
}
"""Metric → which end is good, in the order to show them."""


class TrackMetric(NamedTuple):
    """A number with its interval.

    Attributes:
        level: What is compared: bases, means of bins, or totals of genes.
        name: One of `HIGHER_IS_BETTER`.
        value: None where it is not defined.
        low: Lower end of the 95 % interval; None without.
        high: Upper end.
        n: Bases, bins or genes.
        blocks: What the interval was drawn from.
        note: Why there is no number, or no interval.
    """

    level: Level
    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    blocks: int
    note: str = ""


class TrackDifference(NamedTuple):
    """How much better one prediction is than another on the same blocks.

    Attributes:
        level: As in `TrackMetric`.
        name: The metric.
        first: Name of the prediction.
        second: Name of what it is compared with.
        value: Metric of `first` minus that of `second`.
        low: Lower end of the 95 % interval.
        high: Upper end.
        better: Whether `first` is better; None where the interval holds zero.
    """

    level: Level
    name: str
    first: str
    second: str
    value: float
    low: float
    high: float
    better: bool | None


@dataclass(frozen=True)
class Compared:
    """Everything that intervals at one level are drawn from.

    Attributes:
        level: Bases, bins or genes.
        statistics: Metric → function of weights.
        groups: Block of each item that weights are given for.
        n: Bases, bins or genes.
        missing: Metric → why it is not defined.
    """

    level: Level
    statistics: Mapping[str, Statistic]
    groups: Int[np.ndarray, "N"]
    n: int
    missing: Mapping[str, str]

    def metrics(self, *, resamples: int = 1000, seed: int = 0) -> list[TrackMetric]:
        """Every metric with its interval."""
        blocks = len(np.unique(self.groups))
        return [
            self._metric(name, blocks, resamples, seed)
            for name in HIGHER_IS_BETTER
            if name in self.statistics
        ]

    def _metric(self, name: str, blocks: int, resamples: int, seed: int) -> TrackMetric:
        bare = TrackMetric(self.level, name, None, None, None, self.n, blocks)
        statistic = self.statistics[name]
        value = value_of(statistic, len(self.groups))
        if name in self.missing or not np.isfinite(value):
            return bare._replace(note=self.missing.get(name, "the prediction hardly varies"))
        if blocks < FEWEST_BLOCKS:
            return bare._replace(value=value, note=f"{blocks} blocks are too few for an interval")
        _, low, high = interval_of(statistic, self.groups, resamples=resamples, seed=seed)
        return bare._replace(value=value, low=low, high=high)


def differences(
    first: Compared, second: Compared, names: tuple[str, str], *, resamples: int = 1000, seed: int = 0
) -> Iterator[TrackDifference]:
    """Yield how much better the first prediction is than the second, for each metric that both have.

    Args:
        first: A prediction.
        second: Another of the same regions, at the same level.
        names: Of the two.
        resamples: Draws of blocks, the same ones for both.
        seed: Of the draws.
    """
    if len(np.unique(first.groups)) < FEWEST_BLOCKS:
        return
    for metric, statistic in first.statistics.items():
        other = second.statistics[metric]
        defined = all(np.isfinite(value_of(one, len(first.groups))) for one in (statistic, other))
        if metric in first.missing or metric in second.missing or not defined:
            continue
        (value, low, high), _ = difference_of(statistic, other, first.groups, resamples=resamples, seed=seed)
        better = None if low <= 0 <= high else (value > 0) == HIGHER_IS_BETTER[metric]
        yield TrackDifference(first.level, metric, *names, value, low, high, better)


class TrackComparison(NamedTuple):
    """A prediction beside the measurement.

    Attributes:
        bases: At every base.
        bins: Of the means of 128 bp.
        density: How many bins fall into each class of measured (rows) and of predicted values.
    """

    bases: Compared
    bins: Compared
    density: Density


def compare_tracks(
    measured: Signal,
    predicted: Mapping[str, Signal],
    regions: Sequence[Interval],
    *,
    known: Known | None = None,
    block: int | None = None,
    advance: Callable[[int], None] = lambda bases: None,
) -> dict[str, TrackComparison]:
    """Compare predictions with a measurement at bases and in bins of 128 bp; name → comparison.

    What lies of the regions in so many bases of a contig, counted from its first base, is one block. Bins lie
    side by side from the start of each region and block; one that is cut short or holds a base that is not
    known is left out.

    Args:
        measured: The truth.
        predicted: Name → prediction.
        regions: Where to look, without overlap, those of a contig in ascending order.
        known: Which bases count; all when None.
        block: Bases of a block, a multiple of 128; what suits the regions when None.
        advance: Told bases as they are read; every base is read twice.

    Raises:
        InputError: `block` is not a multiple of 128, no whole bin of the regions is known, or a track has no
            value at a base that is.
    """
    block = block or usual_block(regions)
    if block % BIN:
        raise InputError(f"a block of {block:,} bp is not a multiple of {BIN} bp; give {BLOCK:,}, say")
    reader = BlockReader(measured, predicted, known)
    counts = {key: ValueCounts() for key in product(("", *predicted), ("base", "bin"))}
    for pieces in blocks_of(regions, block):
        for key, values in reader.read(pieces).items():
            counts[key].add(values)
        advance(sum(map(len, pieces)))
    sums = {
        (name, level): PairSums(counts["", level].classes(MEASURED), counts[name, level].classes(PREDICTED))
        for name, level in product(predicted, ("base", "bin"))
    }
    for pieces in blocks_of(regions, block):
        found = reader.read(pieces)
        for (name, level), pairs in sums.items():
            pairs.add(found["", level], found[name, level])
        advance(sum(map(len, pieces)))
    if not all(map(len, sums.values())):
        raise InputError(f"the regions hold no {BIN} bp in a row whose bases are known; give longer ones")
    return {
        name: TrackComparison(
            _compared("base", sums[name, "base"]),
            _compared("bin", sums[name, "bin"]),
            sums[name, "bin"].density(),
        )
        for name in predicted
    }


def _compared(level: Level, pairs: PairSums) -> Compared:
    return Compared(level, pairs.statistics(), np.arange(len(pairs)), pairs.pairs, pairs.undefined())
