"""Against gene-benchmark: numbers recorded from its unmodified `run_task.py`, and its published scores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cistron.evals.genes.baselines import random_vector
from cistron.evals.genes.leaderboard import Leaderboard
from cistron.evals.genes.protocol import cross_validated
from cistron.formats.gene_scores import read_fold_scores
from cistron.formats.gene_tasks import read_gene_task

pytest.importorskip("sklearn")

RUNS = json.loads((Path(__file__).parent / "gene_benchmark.json").read_text())["runs"]

MEANS = {
    "Biological processes": (
        27,
        {"Bag of Words": 0.622, "Geneformer": 0.692, "cellPLM": 0.699, "GEARS": 0.530},
    ),
    "Genomic properties": (7, {"Bag of Words": 0.778, "MTEB-7B": 0.791, "Gene2vec": 0.671, "ScGPT": 0.627}),
    "Localization": (23, {"Geneformer": 0.877, "MPNet": 0.732, "MTEB-7B": 0.680, "cellPLM": 0.856}),
    "Regulatory functions": (5, {"MTEB-1B": 0.811, "Bag of Words": 0.744, "GEARS": 0.567, "MPNet": 0.768}),
}


@pytest.fixture(scope="module")
def published() -> Path:
    """The folder of gene-benchmark's files, or a skip."""
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("CISTRON_DATA", default)) / "benchmarks/gene_benchmark"
    if not folder.is_dir():
        pytest.skip("needs gene-benchmark's files: set CISTRON_DATA to the folder of real data")
    return folder


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['task']} {run['post_processing']}")
def test_the_compatible_protocol_reaches_the_numbers_of_run_task(
    published: Path, run: Mapping[str, Any]
) -> None:
    task = read_gene_task(published / "test_resources/tasks", run["task"])
    vectors = {name: np.round(random_vector(name, 0, 16) * 64) / 64 for row in task.entities for name in row}
    stacked = np.array([[vectors[name] for name in row] for row in task.entities])
    concat = run["post_processing"] == "concat"
    features = stacked.reshape(len(task), -1) if concat else stacked.mean(axis=1)
    found = cross_validated(features, task, run["scoring"], compat=True)
    assert len(task) == run["rows"]
    assert set(found.folds) == set(run["folds"])
    for name, values in run["folds"].items():
        np.testing.assert_allclose(found.folds[name], values, atol=1e-6, err_msg=name)


def test_family_means_ranks_and_tests_of_the_published_scores_are_found_again(published: Path) -> None:
    board = Leaderboard.of(read_fold_scores(published / "task_descriptions.xlsx"))
    means = board.family_means()
    for family, (tasks, wanted) in MEANS.items():
        assert board.families.count(family) == tasks
        assert {model: round(means[family][model], 3) for model in wanted} == wanted
    ranks = {model: round(rank, 2) for model, rank in board.mean_ranks().items()}
    assert ranks == {
        "Geneformer": 2.50, "cellPLM": 3.00, "Gene2vec": 3.92, "MPNet": 4.48, "MTEB-1B": 5.06, "ScGPT": 5.40,
        "MTEB-7B": 5.85, "Bag of Words": 5.97, "GEARS": 8.81,
    }  # fmt: skip
    test = board.friedman()
    assert test is not None
    assert test[0] == pytest.approx(231.5, abs=0.05)
    pairs = {(each.first, each.second): each for each in board.comparisons()}
    assert pairs["Geneformer", "cellPLM"].p == pytest.approx(0.039, abs=5e-4)
    assert pairs["Geneformer", "cellPLM"].adjusted > 0.05
    assert pairs["Bag of Words", "MTEB-7B"].p == pytest.approx(0.73, abs=5e-3)
