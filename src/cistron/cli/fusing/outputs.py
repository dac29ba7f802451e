"""Answers as CSV, in the columns of the published evaluation."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cistron.formats.atomic import atomic_output

COLUMNS: Final = ("name", "ground_truth", "pred_label", "probability", "generated_text")


def write_answers(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write answers; each row has a cell for every column of `COLUMNS`, empty where there is nothing.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_output(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def read_said(path: Path) -> tuple[list[str | None], list[str]]:
    """The labels of a file of answers, None for a miss, and the texts."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [row["pred_label"] or None for row in rows], [row["generated_text"] for row in rows]
