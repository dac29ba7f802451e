from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from cistron.evals.zeroshot.asking import Table
from cistron.evals.zeroshot.measuring import class_auroc, contrast, mean_metric, rank_correlation
from cistron.genome import Variant
from cistron.genome.edits import Edit


def table(*rows: tuple[str, str, float]) -> Table:
    edits = [Edit(Variant("1", 1, "A", "C"), "+", unit, kind, 0, "A>C") for unit, kind, _ in rows]
    values = np.array([value for *_, value in rows])
    return Table.of(edits, values, values)


def test_a_contrast_weighs_genes_alike_however_many_edits_they_have() -> None:
    made = table(
        ("a", "x", 1.0), ("a", "x", 3.0), ("a", "y", 0.0), ("b", "x", 0.0), ("b", "y", 0.0), ("c", "x", 9.0)
    )
    found = contrast(made, "d", made.kind == "x", made.kind == "y")
    assert (found.value, found.n) == (1.0, 2)


def test_one_gene_is_too_few_for_an_interval() -> None:
    assert math.isnan(mean_metric("m", np.array([1.0, np.nan])).value)


def test_the_classes_of_one_gene_alone_are_ranked_without_an_interval() -> None:
    found = class_auroc(table(("a", "x", -1.0), ("a", "y", 0.0)), "m", "x", "y")
    assert (found.value, found.low, found.n) == (1.0, None, 1)


def test_a_class_that_is_missing_gives_no_number_but_a_reason() -> None:
    found = class_auroc(table(("a", "x", 1.0)), "m", "x", "y")
    assert math.isnan(found.value)
    assert found.note == "needs x and y"


def test_lower_scores_of_a_class_are_a_higher_chance_of_ranking_below() -> None:
    made = table(("a", "x", -2.0), ("a", "y", -1.0), ("b", "x", -1.0), ("b", "y", 0.0))
    assert class_auroc(made, "m", "x", "y").value == 0.875


def test_the_rank_correlation_is_that_of_scipy_ties_included() -> None:
    random = np.random.default_rng(0)
    x, y = random.integers(0, 5, 60).astype(float), random.normal(size=60)
    found = rank_correlation("r", x, y, np.arange(60))
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
