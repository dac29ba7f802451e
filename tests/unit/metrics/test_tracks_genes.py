"""Totals of genes and the published count of outliers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import zscore

from cistron.genome.annotation import GeneModel
from cistron.metrics.tracks_genes import gene_totals, outliers

MEASURED = np.random.default_rng(1).poisson(3.0, 10_000).astype(float)


def measured(chrom: str, start: int, end: int) -> np.ndarray:
    return MEASURED[start:end]


def doubled(chrom: str, start: int, end: int) -> np.ndarray:
    return 2 * MEASURED[start:end]


def flat(chrom: str, start: int, end: int) -> np.ndarray:
    return np.full(end - start, 0.3)


def gene(number: int, *exons: tuple[int, int]) -> GeneModel:
    return GeneModel(f"G{number}", "1", "+", exons)


GENES = [gene(n, (n * 900, n * 900 + 50 * (n + 1)), (n * 900 + 700, n * 900 + 800)) for n in range(10)]


def test_totals_are_sums_over_exons():
    found = gene_totals(measured, {"x": doubled}, GENES)
    assert found.bases.tolist() == [50 * (n + 1) + 100 for n in range(10)]
    assert found.totals[""][1] == MEASURED[900:1_000].sum() + MEASURED[1_600:1_700].sum()
    assert found.totals["x"].tolist() == (2 * found.totals[""]).tolist()


def test_bases_that_are_not_known_are_not_summed_and_genes_without_any_are_left_out():
    def known(chrom: str, start: int, end: int) -> np.ndarray:
        return np.arange(start, end) >= 950

    found = gene_totals(measured, {}, GENES, known=known)
    assert [g.name for g in found.genes] == [f"G{n}" for n in range(1, 10)]
    assert found.bases[0] == 50 + 100


def test_an_equal_length_prediction_explains_totals_by_length_and_means_not_at_all():
    compared = gene_totals(measured, {"flat": flat}, GENES).compared("flat", block=900)
    metrics = {metric.name: metric for metric in compared.metrics(resamples=50)}
    assert metrics["pearson"].value > 0.9
    assert metrics["pearson_log1p_mean"].value is None
    assert metrics["pearson_log1p_mean"].note == "the prediction is the same in every gene"


def test_genes_of_one_block_are_drawn_together():
    totals = gene_totals(measured, {"x": doubled}, GENES)
    assert totals.compared("x", block=1_800).groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_outliers_are_differences_of_z_scores_of_log2_totals():
    random = np.random.default_rng(4)
    first, second = random.gamma(1.0, 100.0, 50), random.gamma(1.0, 5.0, 50)
    wanted = zscore(np.log2(1 + second)) - zscore(np.log2(1 + first))
    assert outliers(first, second) == pytest.approx(wanted)
    # A factor that all genes share changes next to nothing: the published number is blind to it.
    assert np.abs(outliers(first + 1e4, 8 * (first + 1e4))).max() < 0.01
