"""The job behind `cistron genes rank`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cistron.cli.progress import note
from cistron.evals.genes.leaderboard import Leaderboard
from cistron.formats.gene_scores import read_fold_scores


def print_ranking(reports: Sequence[Path], *, as_json: bool) -> None:
    """Print models by mean rank, and every pair of them.

    Raises:
        InputError: A file is missing or damaged, or there is nothing to rank.
    """
    board = Leaderboard.of([score for path in reports for score in read_fold_scores(path)])
    if as_json:
        print(json.dumps(_content(board), indent=2))
        return
    ranks, means = board.mean_ranks(), board.family_means()
    families = [family for family in means if family]
    table = Table("model", "mean rank", "mean AUROC", *families, box=None, pad_edge=False)
    overall = dict(zip(board.models, board.scores.mean(axis=0), strict=True))
    for model in sorted(board.models, key=lambda name: ranks[name]):
        cells = [f"{means[family][model]:.3f}" for family in families]
        table.add_row(model, f"{ranks[model]:.2f}", f"{overall[model]:.3f}", *cells)
    pairs = Table("first", "second", "difference", "p", "p (Holm)", "verdict", box=None, pad_edge=False)
    for each in board.comparisons():
        verdict = "tie" if each.adjusted >= 0.05 else f"{each.first if each.difference > 0 else each.second}"
        values = f"{each.difference:+.4f}", f"{each.p:.2g}", f"{each.adjusted:.2g}"
        pairs.add_row(each.first, each.second, *values, verdict)
    console = Console()
    console.print(table, "", pairs, sep="\n")
    _tell(board)


def _tell(board: Leaderboard) -> None:
    test = board.friedman()
    note(f"{len(board.models)} models on {len(board.tasks)} tasks")
    if test is not None:
        note(f"Friedman's test that all rank alike: chi2 {test[0]:.1f}, p {test[1]:.2g}")
    if board.left_out:
        note(f"{len(board.left_out)} tasks that not all models were scored on are left out")


def _content(board: Leaderboard) -> dict[str, object]:
    test = board.friedman()
    return {
        "tasks": len(board.tasks),
        "left_out": list(board.left_out),
        "mean_rank": board.mean_ranks(),
        "family_means": {family: dict(means) for family, means in board.family_means().items()},
        "friedman": None if test is None else {"chi2": test[0], "p": test[1]},
        "pairs": [each._asdict() for each in board.comparisons()],
    }
