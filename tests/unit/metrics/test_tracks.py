"""Metrics of tracks against scipy and scikit-learn on the same numbers, and what they refuse."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_poisson_deviance, roc_auc_score

from cistron.errors import InputError
from cistron.genome import Interval
from cistron.metrics.tracks import compare_tracks, differences
from cistron.metrics.tracks_blocks import BIN, blocks_of

LENGTH = 30_800
BLOCK = 2048


@pytest.fixture(scope="module")
def measured() -> np.ndarray:
    """Sparse coverage with long tails, as sequencing gives it."""
    random = np.random.default_rng(3)
    level = np.repeat(random.gamma(0.3, 4, LENGTH // 50), 50)
    return np.asarray(random.poisson(level), dtype=np.float64)


@pytest.fixture(scope="module")
def predicted(measured: np.ndarray) -> np.ndarray:
    """Coverage that is right in part."""
    random = np.random.default_rng(4)
    return np.asarray(0.3 * measured + random.gamma(1.0, 1.0, LENGTH), dtype=np.float64)


def signal(values: np.ndarray):
    """Coverage of one contig as a function of place."""
    return lambda chrom, start, end: values[start:end]


def compared(measured: np.ndarray, *predicted: np.ndarray, regions=((0, LENGTH),), **options):
    """Comparisons of predictions called 0, 1 …"""
    named = {str(number): signal(values) for number, values in enumerate(predicted)}
    places = [Interval("1", start, end) for start, end in regions]
    return compare_tracks(signal(measured), named, places, block=BLOCK, **options)


def values(comparison) -> dict[str, float | None]:
    """Metric → value."""
    return {metric.name: metric.value for metric in comparison.metrics(resamples=50)}


def test_base_level_metrics_are_those_of_scipy_and_scikit_learn(measured, predicted):
    found = values(compared(measured, predicted)["0"].bases)
    assert found["pearson"] == pytest.approx(pearsonr(measured, predicted)[0], abs=1e-9)
    logged = np.log1p(measured), np.log1p(predicted)
    assert found["pearson_log1p"] == pytest.approx(pearsonr(*logged)[0], abs=1e-9)
    assert found["poisson_deviance"] == pytest.approx(mean_poisson_deviance(measured, predicted), rel=1e-9)
    assert found["spearman"] == pytest.approx(spearmanr(measured, predicted)[0], abs=5e-4)
    assert found["auroc_nonzero"] == pytest.approx(roc_auc_score(measured > 0, predicted), abs=5e-4)


def test_bin_level_metrics_are_those_of_means_of_128_bases(measured, predicted):
    found = values(compared(measured, predicted)["0"].bins)
    bins = LENGTH // BLOCK * BLOCK // BIN + LENGTH % BLOCK // BIN
    means = [track[: bins * BIN].reshape(bins, BIN).mean(axis=1) for track in (measured, predicted)]
    assert found["pearson"] == pytest.approx(pearsonr(*means)[0], abs=1e-9)
    assert found["spearman"] == pytest.approx(spearmanr(*means)[0], abs=2e-3)


def test_bases_that_are_not_known_change_nothing(measured, predicted):
    known = np.ones(LENGTH, dtype=bool)
    known[10_000:15_000] = False
    spoilt = np.where(known, predicted, 1e6)
    first, second = (
        compared(measured, track, known=signal(known))["0"].bases for track in (predicted, spoilt)
    )
    assert values(first) == values(second)
    assert first.n == LENGTH - 5_000


def test_intervals_hold_the_value_and_shrink_with_more_blocks(measured, predicted):
    long, short = (
        compared(measured, predicted, regions=[(0, end)])["0"].bases.metrics()[0] for end in (LENGTH, 15_400)
    )
    assert long.low < long.value < long.high
    assert long.high - long.low < short.high - short.low
    assert long.blocks == 16


def test_the_interval_of_spearman_is_that_of_ranking_every_draw_anew(measured, predicted):
    metric = next(m for m in compared(measured, predicted)["0"].bases.metrics() if m.name == "spearman")
    random = np.random.default_rng(0)
    edges = np.append(np.arange(0, LENGTH, BLOCK), LENGTH)
    parts = [slice(*pair) for pair in pairwise(edges)]
    draws = []
    for _ in range(120):
        drawn = np.concatenate([np.arange(LENGTH)[parts[k]] for k in random.integers(16, size=16)])
        draws.append(spearmanr(measured[drawn], predicted[drawn])[0])
    low, high = np.quantile(draws, [0.025, 0.975])
    assert metric.low == pytest.approx(low, abs=0.25 * (high - low))
    assert metric.high == pytest.approx(high, abs=0.25 * (high - low))


def test_a_constant_prediction_has_no_correlation_and_says_why(measured):
    metrics = compared(measured, np.full(LENGTH, 0.1))["0"].bases.metrics(resamples=50)
    by_name = {metric.name: metric for metric in metrics}
    for name in ("pearson", "pearson_log1p", "spearman"):
        assert by_name[name].value is None
        assert by_name[name].note == "the prediction does not vary"
    assert by_name["poisson_deviance"].value == pytest.approx(
        mean_poisson_deviance(measured, np.full(LENGTH, 0.1))
    )
    assert by_name["auroc_nonzero"].value == 0.5


def test_a_measurement_without_zeros_has_no_auroc_of_signal(measured, predicted):
    metrics = compared(measured + 1, predicted)["0"].bases.metrics(resamples=50)
    auroc = next(metric for metric in metrics if metric.name == "auroc_nonzero")
    assert (auroc.value, auroc.note) == (None, "nothing is zero")


def test_few_blocks_give_values_without_intervals(measured, predicted):
    metric = compared(measured, predicted, regions=[(0, 3 * BLOCK)])["0"].bases.metrics()[0]
    assert metric.value is not None
    assert (metric.low, metric.note) == (None, "3 blocks are too few for an interval")


def test_the_truer_prediction_is_found_better_on_every_metric(measured, predicted):
    worse = np.random.default_rng(9).permutation(predicted)
    both = compared(measured, predicted, worse)
    found = list(differences(both["0"].bases, both["1"].bases, ("good", "shuffled"), resamples=200))
    assert len(found) == 5
    assert all(difference.better for difference in found)
    same = list(differences(both["0"].bases, both["0"].bases, ("good", "good"), resamples=50))
    assert all(difference.better is None for difference in same)


def test_a_block_is_what_lies_of_the_regions_in_so_many_bases_of_a_contig():
    regions = [Interval("1", 50, 120), Interval("1", 150, 160), Interval("1", 190, 420), Interval("2", 0, 5)]
    found = [[(one.start, one.end) for one in block] for block in blocks_of(regions, 100)]
    assert found == [
        [(50, 100)],
        [(100, 120), (150, 160), (190, 200)],
        [(200, 300)],
        [(300, 400)],
        [(400, 420)],
        [(0, 5)],
    ]


def test_regions_without_a_whole_known_bin_are_refused(measured, predicted):
    with pytest.raises(InputError, match="give longer ones"):
        compared(measured, predicted, regions=[(0, 100)])


def test_a_block_is_a_whole_number_of_bins(measured, predicted):
    with pytest.raises(InputError, match="not a multiple of 128"):
        compare_tracks(signal(measured), {"0": signal(predicted)}, [Interval("1", 0, LENGTH)], block=1000)
