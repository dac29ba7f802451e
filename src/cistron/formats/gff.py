"""GFF3 and GTF: the features of one type as intervals; 1-based inclusive in the file, 0-based half-open here.

Source: GFF3 specification 1.26 of the Sequence Ontology; GTF as Ensembl and GENCODE write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from cistron.errors import InputError
from cistron.formats.bgzf import read_lines
from cistron.genome import Interval, Strand

_COLUMNS: Final = 9
_STRANDS: Final[dict[str, Strand]] = {"+": "+", "-": "-", ".": "+", "?": "+"}
_ATTRIBUTE: Final = re.compile(r'(?:^|;)\s*(\w+)[= ]"?([^";]*)')
_NAMES: Final = ("gene_name", "Name", "gene", "gene_id", "ID")
"""Attributes that GFF3 and GTF name a feature by; the first of these that it has counts."""


def read_gff(path: str | Path, feature: str = "gene") -> Iterator[Interval]:
    """The features of one type in a GFF3 or GTF file, plain or gzip, in file order.

    A GFF3 file may hold sequences behind a line `##FASTA`; reading stops there. `ncRNA_gene` and `pseudogene`
    are types of their own.

    Args:
        path: The file.
        feature: Value of the third column.

    Raises:
        InputError: The file is missing, empty or damaged, or a line is malformed; the message names it.
    """
    for number, line in enumerate(read_lines(Path(path)), 1):
        if line.startswith(("##FASTA", ">")):
            return
        if line.strip() and not line.startswith("#"):
            interval = _interval(line, feature, f"{path} line {number:,}")
            if interval is not None:
                yield interval


def _interval(line: str, feature: str, place: str) -> Interval | None:
    columns = line.split("\t")
    if len(columns) < _COLUMNS - 1:
        raise InputError(
            f"{place} has {len(columns)} columns; GFF and GTF have {_COLUMNS}, separated by tabs"
        )
    if columns[2] != feature:
        return None
    chrom, first, last = columns[0], columns[3], columns[4]
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise InputError(
            f"{place} runs from '{first}' to '{last}'; GFF and GTF count from 1, start not after end"
        )
    strand = _STRANDS.get(columns[6])
    if strand is None:
        raise InputError(f"{place} has strand '{columns[6]}'; GFF and GTF know +, -, . and ?")
    return Interval(unquote(chrom), int(first) - 1, int(last), strand, _name(columns[8:]))


def _name(attributes: list[str]) -> str:
    found = dict(_ATTRIBUTE.findall(attributes[0])) if attributes else {}
    return unquote(next((found[key].strip() for key in _NAMES if key in found), ""))
