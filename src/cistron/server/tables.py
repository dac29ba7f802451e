"""A scored VCF as a table, for pages that sort and draw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cistron.formats.bgzf import read_lines
from cistron.formats.vcf import PREFIX

COLUMNS: Final = ("chrom", "pos", "id", "ref", "alt", "llr", "flank", "status", "pct")

_VALUES: Final = tuple(PREFIX + name for name in ("LLR", "FLANK", "STATUS", "PCT"))


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
