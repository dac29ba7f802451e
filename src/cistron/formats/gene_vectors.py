"""Vectors of genes as gene-benchmark reads them: CSV, a column `symbol`, then one column a number."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cistron.formats.atomic import atomic_output


def write_gene_vectors(path: str | Path, vectors: Mapping[str, Float[np.ndarray, "D"]]) -> None:
    """Write a table; numbers have float32 precision, spelt as short as they can be.

    Args:
        path: Ends in `.csv`; `cistron.formats.named_vectors` reads it, too.
        vectors: Symbol → vector, all of one length, at least one.

    Raises:
        OutputError: The folder is missing, read-only or full.
    """
    width = len(next(iter(vectors.values())))
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["symbol", *range(width)])
        for name, vector in vectors.items():
            writer.writerow([name, *(str(number) for number in vector.astype(np.float32))])
