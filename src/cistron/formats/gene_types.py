"""Genes with their biotypes, from GENCODE's feature table in Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cistron.errors import InputError
from cistron.formats.feature_table import read_features
from cistron.genome import Interval


class GeneType(NamedTuple):
    """A gene and what kind it is, `protein_coding`."""

    gene: Interval
    kind: str


def read_gene_types(path: str | Path) -> list[GeneType]:
    """The genes of a table with the columns `gene_name` and `gene_type`, coordinates 1-based and inclusive.

    Raises:
        InputError: The file is missing, not Parquet or lacks a column.
    """
    import pyarrow.parquet as pq

    genes = list(read_features(path, one_based=True))
    if "gene_type" not in pq.read_schema(path).names:
        raise InputError(f"{path} has no column gene_type")
    kinds = pq.read_table(path, columns=["gene_type"])["gene_type"].to_pylist()
    return [GeneType(*pair) for pair in zip(genes, kinds, strict=True)]
