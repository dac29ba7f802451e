"""Descriptions of genes, diseases and others: CSV with a column of names and a column `description`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from cistron.formats.atomic import atomic_output
from cistron.formats.labelled_sequences import read_rows

_TEXT = "description"


def read_descriptions(path: str | Path, column: str = "id") -> dict[str, str]:
    """Name → description, the first of several; names without one are left out.

    Raises:
        InputError: The file is missing or damaged, or lacks a column.
    """
    rows = read_rows(path, (column, _TEXT))
    return {row[column]: row[_TEXT] for row in reversed(rows) if row[_TEXT]}


def write_descriptions(path: str | Path, texts: Mapping[str, str]) -> None:
    """Write a table that `read_descriptions` and gene-benchmark's `CSVDescriptions` read.

    Raises:
        OutputError: The folder is missing, read-only or full.
    """
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("id", _TEXT))
        writer.writerows(texts.items())
