"""Reports of gene-benchmark: a CSV with one line a task and model, to which others are appended."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from cistron.formats.atomic import atomic_output
from cistron.formats.labelled_sequences import read_rows


def append_report(path: str | Path, row: Mapping[str, object], *, append: bool = True) -> None:
    """Write a line behind those that are there; columns that only some lines have are empty in the others.

    Args:
        path: The report.
        row: Column → value.
        append: Keep the lines that are there.

    Raises:
        InputError: What is there is no CSV.
        OutputError: The folder is missing, read-only or full.
    """
    path = Path(path)
    rows: list[Mapping[str, object]] = [*read_rows(path, ())] if append and path.exists() else []
    rows.append(row)
    columns = list(dict.fromkeys(name for each in rows for name in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_output(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
