"""A scored VCF as a table, for pages that sort and draw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from cistron.formats.bgzf import read_lines
from cistron.formats.vcf import PREFIX
from cistron.genome.consequences import worst_rank

COLUMNS: Final = ("chrom", "pos", "id", "ref", "alt", "llr", "flank", "status", "pct", "gene", "consequence")

_VALUES: Final = tuple(PREFIX + name for name in ("LLR", "FLANK", "STATUS", "PCT"))

_PACKED: Final = (PREFIX + "CSQ", "CSQ")
"""Fields that may tell consequences; ours before VEP's."""

_FORMAT: Final = re.compile(rf'##INFO=<ID=({"|".join(_PACKED)}),.*Format: ([^"]+)"')

_LINES: Final = 1_000


def blocks_of(path: Path) -> Iterator[str]:
    """The text of `rows_of`, many lines at a time: each piece of an answer costs a change of thread."""
    rows = rows_of(path)
    while block := "".join(islice(rows, _LINES)):
        yield block


def rows_of(path: Path) -> Iterator[str]:
    """Yield the header, then a line for each alternative allele; a missing value is empty.

    Args:
        path: A VCF that `cistron score` wrote without a tag. Gene and consequence are those of its
            `CISTRON_CSQ`, or of the `CSQ` that it came with: the worst of the allele.
    """
    yield "\t".join(COLUMNS) + "\n"
    packed: dict[str, list[str]] = {}
    for line in read_lines(path):
        if line.startswith("#"):
            if found := _FORMAT.match(line):
                packed[found[1]] = found[2].strip().split("|")
            continue
        chrom, pos, name, ref, listed, *_, info = line.rstrip("\n").split("\t", 8)[:8]
        fields = dict(field.partition("=")[::2] for field in info.split(";"))
        values = [fields.get(key, "").split(",") for key in _VALUES]
        alts = [] if listed == "." else listed.split(",")
        for number, alt in enumerate(alts):
            own = (each[number] if number < len(each) else "" for each in values)
            shown = ("" if value == "." else value for value in (name, ref, alt, *own))
            told = _worst(fields, packed, "" if len(alts) == 1 else alt)
            yield "\t".join((chrom, pos, *shown, *told)) + "\n"


def _worst(fields: Mapping[str, str], packed: Mapping[str, Sequence[str]], alt: str) -> tuple[str, str]:
    """Gene and terms of an allele's worst consequence; an empty `alt` takes every entry."""
    for key in _PACKED:
        if key not in packed or key not in fields:
            continue
        entries = [dict(zip(packed[key], text.split("|"), strict=False)) for text in fields[key].split(",")]
        told = [one for one in entries if one.get("Consequence") and alt in ("", one.get("Allele"))]
        if told:
            worst = min(told, key=lambda one: worst_rank(one["Consequence"].split("&")))
            return worst.get("SYMBOL", ""), worst["Consequence"]
    return "", ""
