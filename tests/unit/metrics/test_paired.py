"""Paired tests, against brute force and on the published scores of several models of ClinVar variants."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.metrics.blocks import difference_of, interval_of, value_of
from cistron.metrics.paired import delong, holm, mcnemar
from cistron.metrics.ranking import auroc_of


def test_delong_is_the_covariance_of_placements_counted_pair_by_pair() -> None:
    random = np.random.default_rng(0)
    positive = random.random(80) < 0.4
    scores = [np.round(random.normal(size=80) + positive, 1) for _ in range(2)]
    wins = [
        np.array([[(h > m) + 0.5 * (h == m) for m in score[~positive]] for h in score[positive]])
        for score in scores
    ]
    over_hits, over_misses = (wins[0] - wins[1]).mean(axis=1), (wins[0] - wins[1]).mean(axis=0)
    variance = over_hits.var(ddof=1) / len(over_hits) + over_misses.var(ddof=1) / len(over_misses)
    found = delong(scores[0], scores[1], positive)
    assert found.difference == pytest.approx(wins[0].mean() - wins[1].mean(), abs=1e-12)
    assert found.error == pytest.approx(np.sqrt(variance), abs=1e-12)


def test_delong_of_scores_that_rank_alike_is_no_difference() -> None:
    scores, positive = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True])
    assert delong(scores, 10 * scores, positive) == (0.0, 0.0, 1.0)


def test_delong_needs_both_classes() -> None:
    with pytest.raises(InputError, match="both classes"):
        delong(np.ones(3), np.ones(3), np.ones(3, dtype=bool))


def test_mcnemar_counts_only_the_items_on_which_they_differ() -> None:
    first = np.array([True] * 8 + [False] * 2 + [True] * 90)
    second = np.array([False] * 8 + [True] * 2 + [True] * 90)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert mcnemar(first, first) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_both_tests_agree_with_scipy(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(seed)
    first, second = random.random(1500) < 0.6, random.random(1500) < 0.57
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    expected = stats.binomtest(only_first, only_first + only_second).pvalue
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)
    scores, positive = random.normal(size=(2, 200)), random.random(200) < 0.5
    found = delong(scores[0], scores[1], positive)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.difference) / found.error), rel=1e-9)


def test_holm_multiplies_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.fixture(scope="module")
def clinvar() -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    default = Path(__file__).parents[4] / "shared" / "data"
    path = Path(os.environ.get("CISTRON_DATA", default)) / "benchmarks/clinvar_vep_eval/sample_data.csv.gz"
    if not path.exists():
        pytest.skip("needs the real data: set CISTRON_DATA to its folder")
    with gzip.open(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    names = ("Evo2_40B", "Evo2_7B", "PhyloP", "gpnstar_v_llr")
    scores = {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    return scores, np.array([row["ClinVar_label"] == "1.0" for row in rows])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Evo2_40B", 0.832), ("Evo2_7B", 0.827), ("PhyloP", 0.848), ("gpnstar_v_llr", 0.887)],
)
def test_published_scores_on_clinvar_reach_their_recorded_auroc(
    clinvar: tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]], name: str, expected: float
) -> None:
    scores, positive = clinvar
    found = value_of(auroc_of(scores[name], positive), len(positive))
    assert max(found, 1 - found) == pytest.approx(expected, abs=6e-4)  # some scores count downwards


def test_on_clinvar_two_sizes_of_evo_2_are_a_tie_and_gpn_star_is_not(
    clinvar: tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]],
) -> None:
    scores, positive = clinvar
    items = np.arange(len(positive))
    measured = {}
    for name, values in scores.items():
        statistic = auroc_of(values, positive)
        measured[name] = values if value_of(statistic, len(items)) > 0.5 else -values
    large, small, star = (
        auroc_of(measured[name], positive) for name in ("Evo2_40B", "Evo2_7B", "gpnstar_v_llr")
    )
    interval = interval_of(large, items)
    assert (interval.low, interval.high) == (pytest.approx(0.808, abs=4e-3), pytest.approx(0.857, abs=4e-3))
    tie, p_tie = difference_of(large, small, items)
    assert tie.low < 0 < tie.high
    assert p_tie > 0.05
    real, p_real = difference_of(star, large, items)
    assert real.low > 0.02
    assert p_real < 0.01
    classical = delong(measured["gpnstar_v_llr"], measured["Evo2_40B"], positive)
    assert classical.difference == pytest.approx(real.estimate)
    assert classical.p < 0.01
    assert delong(measured["Evo2_40B"], measured["Evo2_7B"], positive).p > 0.05
