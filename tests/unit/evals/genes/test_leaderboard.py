from __future__ import annotations

from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.evals.genes.leaderboard import Leaderboard
from cistron.formats.gene_report import append_report
from cistron.formats.gene_scores import FoldScore, read_fold_scores


def _scores(**models: list[float]) -> list[FoldScore]:
    """One fold a task; tasks are numbered, families alternate."""
    return [
        FoldScore(f"task {at}", "ab"[at % 2], model, 0, area)
        for model, areas in models.items()
        for at, area in enumerate(areas)
        if area == area
    ]


def test_equals_share_their_rank_and_a_constant_lead_is_told_from_chance() -> None:
    lead = [0.5 + at / 100 for at in range(12)]
    board = Leaderboard.of(_scores(best=[x + 0.1 for x in lead], one=lead, other=lead))
    assert board.mean_ranks() == {"best": 1.0, "one": 2.5, "other": 2.5}
    pairs = {(each.first, each.second): each for each in board.comparisons()}
    assert pairs["best", "one"].adjusted < 0.05
    assert pairs["best", "one"].difference == pytest.approx(0.1)
    assert pairs["one", "other"].p == 1.0
    test = board.friedman()
    assert test is not None
    assert test[1] < 1e-4


def test_means_are_taken_over_the_tasks_of_a_family() -> None:
    board = Leaderboard.of(_scores(x=[0.5, 0.7, 0.6], y=[0.6, 0.6, 0.6]))
    assert board.family_means()["a"] == pytest.approx({"x": 0.55, "y": 0.6})
    assert board.family_means()["b"] == pytest.approx({"x": 0.7, "y": 0.6})
    assert board.friedman() is None


def test_a_task_that_a_model_has_no_score_of_is_left_out_and_named() -> None:
    board = Leaderboard.of(_scores(x=[0.5, 0.7], y=[0.6, float("nan")]))
    assert (board.tasks, board.left_out) == (("task 0",), ("task 1",))


@pytest.mark.parametrize(
    "scores", [_scores(x=[0.5]), [*_scores(x=[0.5]), FoldScore("other", "", "y", 0, 0.5)]]
)
def test_nothing_to_rank_is_refused(scores: list[FoldScore]) -> None:
    with pytest.raises(InputError, match="a ranking needs two that share one"):
        Leaderboard.of(scores)


def test_scores_of_a_report_are_those_of_its_kind_of_task(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    append_report(path, {"task_name": "A", "model_name": "m", "test_roc_auc": "0.5,0.75"})
    append_report(
        path, {"task_name": "B", "sub_task": "x", "model_name": "m", "test_roc_auc_weighted": "0.25"}
    )
    append_report(path, {"task_name": "C", "model_name": "m", "test_r2": "0.9"})
    assert read_fold_scores(path) == [
        FoldScore("A", "", "m", 0, 0.5),
        FoldScore("A", "", "m", 1, 0.75),
        FoldScore("B;x", "", "m", 0, 0.25),
    ]


def test_a_file_without_scores_is_refused(tmp_path: Path) -> None:
    append_report(tmp_path / "report.csv", {"task_name": "C", "model_name": "m", "test_r2": "0.9"})
    (tmp_path / "scores.xlsx").write_bytes(b"no spreadsheet")
    with pytest.raises(InputError, match="holds no areas under ROC curves"):
        read_fold_scores(tmp_path / "report.csv")
    with pytest.raises(InputError, match="is not a readable XLSX spreadsheet"):
        read_fold_scores(tmp_path / "scores.xlsx")
