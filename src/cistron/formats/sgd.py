"""The feature table of the Saccharomyces Genome Database, `SGD_features.tab`.

Sixteen columns separated by tabs: 2 type, 3 qualifier, 4 systematic name, 5 gene name, 7 parent,
9 chromosome (1 to 16, 17 the mitochondrion), 10 start, 11 stop, 12 strand (W or C). Coordinates count from 1
and include the end; on strand C the start is the higher number. Source: SGD_features.README of that database.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cistron.errors import InputError
from cistron.formats.bgzf import read_lines
from cistron.genome import Interval, Strand
from cistron.genome.coding import Annotation, CodingGene, RnaGene

MITOCHONDRION: Final = 17
MITOCHONDRIAL_TABLE: Final = 3

_COLUMNS: Final = 12
_ROMAN: Final = tuple("I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI Mito".split())  # noqa: SIM905
_RNA: Final = {
    "tRNA_gene": "tRNA",
    "rRNA_gene": "rRNA",
    "snoRNA_gene": "snoRNA",
    "snRNA_gene": "snRNA",
    "ncRNA_gene": "ncRNA",
    "telomerase_RNA_gene": "ncRNA",
}
_EXTENTS: Final = frozenset({"ORF", "pseudogene", "transposable_element_gene", "LTR_retrotransposon", *_RNA})
_ANTICODON: Final = re.compile(r"\(([ACGUT]{3})\)")
_PLACED: Final = re.compile(r"[1-9]\d*")


class _Feature(NamedTuple):
    kind: str
    qualifier: str
    name: str
    symbol: str
    parent: str
    interval: Interval
    mitochondrial: bool


def read_sgd(path: str | Path) -> Annotation:
    """Genes of the table, plain or gzip; contigs are called I to XVI and Mito as in the genome.

    Open reading frames called dubious are passed over: the database holds that they code for nothing.

    Raises:
        InputError: The file is missing, empty or damaged, or a line is malformed; the message names it.
    """
    reasons: Counter[str] = Counter()
    frames: dict[str, _Feature] = {}
    parts: dict[str, list[_Feature]] = {}
    rna, genic = [], []
    for feature in _features(Path(path), reasons):
        if feature.kind == "ORF":
            frames[feature.name] = feature
        elif feature.kind == "CDS":
            parts.setdefault(feature.parent, []).append(feature)
        elif feature.kind in _RNA:
            rna.append(_rna(feature))
        if feature.kind in _EXTENTS:
            genic.append(feature.interval)
    reasons["dubious open reading frame"] = sum(f.qualifier == "Dubious" for f in frames.values())
    genes = [
        _gene(frames[name], found)
        for name, found in parts.items()
        if name in frames and frames[name].qualifier != "Dubious"
    ]
    return Annotation(tuple(genes), tuple(rna), genic=tuple(genic), passed_over=dict(reasons))


def _features(path: Path, reasons: Counter[str]) -> Iterator[_Feature]:
    for number, line in enumerate(read_lines(path), 1):
        columns = line.rstrip("\r\n").split("\t")
        if len(columns) < _COLUMNS:
            raise InputError(
                f"{path} line {number:,} has {len(columns)} columns; the table has 16, separated by tabs"
            )
        chrom, first, last = columns[8:11]
        if not (_PLACED.fullmatch(first) and _PLACED.fullmatch(last) and chrom):
            reasons["feature without a place on the genome"] += 1
        elif not (chrom.isdecimal() and 1 <= int(chrom) <= MITOCHONDRION):
            reasons[f"feature on '{chrom}', which is no chromosome"] += 1
        else:
            yield _feature(columns, int(chrom), int(first), int(last))


def _feature(columns: list[str], chrom: int, first: int, last: int) -> _Feature:
    strand: Strand = "-" if columns[11] == "C" else "+"
    name = columns[4] or columns[3]
    interval = Interval(_ROMAN[chrom - 1], min(first, last) - 1, max(first, last), strand, name)
    return _Feature(columns[1], columns[2], columns[3], name, columns[6], interval, chrom == MITOCHONDRION)


def _gene(frame: _Feature, parts: list[_Feature]) -> CodingGene:
    whole = frame.interval
    ordered = sorted(((p.interval.start, p.interval.end) for p in parts), reverse=whole.strand == "-")
    table = MITOCHONDRIAL_TABLE if frame.mitochondrial else 1
    return CodingGene(frame.symbol, whole.chrom, whole.strand, tuple(ordered), table)


def _rna(feature: _Feature) -> RnaGene:
    found = _ANTICODON.search(feature.name)
    return RnaGene(_RNA[feature.kind], feature.interval, found[1].replace("U", "T") if found else "")
