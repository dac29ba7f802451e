"""A scored VCF as a table, for pages that sort and draw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from cistron.formats.bgzf import read_lines
from cistron.formats.vcf import PREFIX

COLUMNS: Final = ("chrom", "pos", "id", "ref", "alt", "llr", "flank", "status", "pct")

_VALUES: Final = tuple(PREFIX + name for name in ("LLR", "FLANK", "STATUS", "PCT"))


_LINES: Final = 1_000


def blocks_of(path: Path) -> Iterator[str]:
    """The text of `rows_of`, many lines at a time: each piece of an answer costs a change of thread."""
    rows = rows_of(path)
    while block := "".join(islice(rows, _LINES)):
        yield block


def rows_of(path: Path) -> Iterator[str]:
    """Yield the header, then a line for each alternative allele; a missing value is empty.

    Args:
        path: A VCF that `cistron score` wrote without a tag.
    """
    yield "\t".join(COLUMNS) + "\n"
    for line in read_lines(path):
        if line.startswith("#"):
            continue
        chrom, pos, name, ref, alts, *_, info = line.split("\t", 8)[:8]
        fields = dict(field.partition("=")[::2] for field in info.split(";"))
        values = [fields.get(key, "").split(",") for key in _VALUES]
        for number, alt in enumerate([] if alts == "." else alts.split(",")):
            own = (each[number] if number < len(each) else "" for each in values)
            shown = ("" if value == "." else value for value in (name, ref, alt, *own))
            yield "\t".join((chrom, pos, *shown)) + "\n"
