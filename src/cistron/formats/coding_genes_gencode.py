"""Coding sequences of GENCODE's features as Parquet tables: a folder with `genes`, `CDSs`, `stop_codons`.

The tables give no transcript, so only genes whose distinct coding parts do not overlap can be put together;
those with several isoforms are passed over by the check of `cistron.genome.coding`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.formats.feature_table import read_features
from cistron.genome import Interval
from cistron.genome.annotation import Span
from cistron.genome.coding import Annotation, CodingGene, RnaGene

_TABLES: Final = ("genes", "CDSs", "stop_codons")

_RNA: Final = {kind: kind for kind in ("miRNA", "snoRNA", "snRNA", "rRNA")} | {
    "Mt_tRNA": "tRNA",
    "lincRNA": "lncRNA",
    "misc_RNA": "ncRNA",
}
"""Type of a gene → kind of RNA gene."""

_Key = tuple[str, str, str]


def read_gencode(folder: str | Path, *, table: int = 1) -> Annotation:
    """Genes of the tables `genes.parquet`, `CDSs.parquet` and `stop_codons.parquet`.

    Args:
        folder: Where they lie.
        table: Genetic code of all coding sequences.

    Raises:
        InputError: A table is missing or damaged.
    """
    genic, parts, stops = (
        list(read_features(Path(folder) / f"{name}.parquet", one_based=True)) for name in _TABLES
    )
    by_gene: dict[_Key, set[Span]] = defaultdict(set)
    for part in parts:
        by_gene[_key(part)].add((part.start, part.end))
    ends: dict[_Key, set[Span]] = defaultdict(set)
    for stop in stops:
        ends[_key(stop)].add((stop.start, stop.end))
    genes = [_gene(key, spans, ends[key], table) for key, spans in by_gene.items()]
    return Annotation(tuple(genes), tuple(_rna(Path(folder), genic)), genic=tuple(genic))


def _rna(folder: Path, genes: Sequence[Interval]) -> Iterator[RnaGene]:
    import pyarrow.parquet as pq

    path = folder / "genes.parquet"
    if "gene_type" not in pq.read_schema(path).names:
        return
    kinds = pq.read_table(path, columns=["gene_type"])["gene_type"].to_pylist()
    for gene, kind in zip(genes, kinds, strict=True):
        if kind in _RNA:
            yield RnaGene(_RNA[kind], gene)


def _key(feature: Interval) -> _Key:
    if not feature.name:
        raise InputError(f"a coding part at {feature.chrom}:{feature.start + 1} has no gene_name")
    return feature.chrom, feature.name, feature.strand


def _gene(key: _Key, spans: set[Span], stops: set[Span], table: int) -> CodingGene:
    """The distinct parts in reading order, with a stop codon that no part holds."""
    outside = {stop for stop in stops if not any(start <= stop[0] and stop[1] <= end for start, end in spans)}
    chrom, name, strand = key
    ordered = sorted(spans | outside, reverse=strand == "-")
    return CodingGene(name, chrom, "-" if strand == "-" else "+", tuple(ordered), table)
