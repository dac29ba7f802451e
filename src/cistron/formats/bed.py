"""BED: intervals in and out; both it and `Interval` are 0-based half-open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.formats.atomic import atomic_output
from cistron.formats.bgzf import bgzf_output, read_lines
from cistron.genome import Interval, Strand

_SKIPPED: Final = ("#", "track", "browser")
_STRANDS: Final[dict[str, Strand]] = {"+": "+", "-": "-", ".": "+", "": "+"}


def read_bed(path: str | Path) -> Iterator[Interval]:
    """The intervals of a BED file, plain or gzip, in file order.

    Three columns suffice; the fourth is the name and the sixth the strand (`.` reads as `+`). Comments,
    `track` and `browser` lines and empty lines are skipped.

    Raises:
        InputError: The file is missing, empty or damaged, or a line is malformed; the message names it.
    """
    for number, line in enumerate(read_lines(Path(path)), 1):
        if line.strip() and not line.startswith(_SKIPPED):
            yield _interval(line, f"{path} line {number:,}")


def write_bed(path: str | Path, intervals: Iterable[Interval]) -> None:
    """Write intervals with name, score 0 and strand; BGZF when `path` ends in `.gz` or `.bgz`.

    Raises:
        OutputError: The folder is missing, read-only or full.
    """
    packed = Path(path).suffix in (".gz", ".bgz")
    with (
        atomic_output(path) as temporary,
        bgzf_output(temporary) if packed else temporary.open("wb") as stream,
    ):
        for each in intervals:
            columns = (each.chrom, each.start, each.end, each.name or ".", 0, each.strand)
            stream.write(("\t".join(map(str, columns)) + "\n").encode())


def _interval(line: str, place: str) -> Interval:
    columns = line.split("\t") if "\t" in line else line.split()
    if len(columns) < 3:
        raise InputError(
            f"{place} has {len(columns)} columns; BED needs chrom, start and end separated by tabs"
        )
    chrom, start, end = columns[:3]
    if not (start.isdecimal() and end.isdecimal() and int(start) <= int(end)):
        raise InputError(
            f"{place} runs from '{start}' to '{end}'; BED needs whole numbers, start not after end"
        )
    name = columns[3] if len(columns) > 3 and columns[3] != "." else ""
    strand = _STRANDS.get(columns[5] if len(columns) > 5 else "")
    if strand is None:
        raise InputError(f"{place} has strand '{columns[5]}'; BED knows +, - and .")
    return Interval(chrom, int(start), int(end), strand, name)
