"""Regions and splits: which part of a genome a stretch belongs to."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from cistron.errors import InputError, UnknownContigError
from cistron.genome import Interval
from cistron.genome.contigs import ContigNames

OPEN_END: Final = 2**62
"""End of a region that reaches to the end of a contig whose length is not known."""

_SPELLINGS: Final = "write CHROM, CHROM:START-END or CHROM:START-"
_COORDINATES: Final = re.compile(r"^([\d,]+)(?:(-)([\d,]*))?$")


def parse_region(text: str, contigs: Mapping[str, int] | None = None) -> Interval:
    """The interval that `text` means, written as samtools does: 1-based, both ends included.

    `20` is a whole contig, `20:1,000-2,000` a stretch, `20:1000-` the rest from there. `20:1000` is refused,
    because it is one base to bcftools and the rest of the contig to samtools. A name that holds a colon is
    recognised when `contigs` has it.

    Args:
        text: What the user wrote.
        contigs: Contig name → length in bp: resolves aliases, gives open ends, and cuts at the contig's end.
            Without it an open end is `OPEN_END`.

    Raises:
        InputError: The text is not a region, or the region is empty.
        UnknownContigError: The contig is not in `contigs`.
    """
    chrom, coordinates = text.strip(), ""
    if contigs is None or chrom not in contigs:
        name, _, rest = chrom.rpartition(":")
        if name and _COORDINATES.match(rest):
            chrom, coordinates = name, rest
    if not chrom or chrom.endswith(":"):
        raise InputError(f"'{text}' is not a region; {_SPELLINGS}")
    chrom, length = _resolved(chrom, contigs)
    start, end = _bounds(coordinates, text)
    end = min(end, length)
    if not 0 <= start < end:
        raise InputError(
            f"region '{text}' holds no bases; positions count from 1 and END is not before START"
            + (f" nor START behind the contig's {length:,} bp" if contigs else "")
        )
    return Interval(chrom, start, end)


class Regions:
    """A set of stretches of a genome, merged where they touch; strands do not matter.

    Args:
        intervals: In any order, overlapping or not.
    """

    def __init__(self, intervals: Iterable[Interval]) -> None:
        by_contig: dict[str, list[tuple[int, int]]] = {}
        for interval in intervals:
            if len(interval) > 0:
                by_contig.setdefault(interval.chrom, []).append((interval.start, interval.end))
        self._merged = {chrom: _merge(spans) for chrom, spans in by_contig.items()}
        self._starts = {chrom: [start for start, _ in spans] for chrom, spans in self._merged.items()}

    def __iter__(self) -> Iterator[Interval]:
        for chrom, spans in self._merged.items():
            for start, end in spans:
                yield Interval(chrom, start, end)

    def contains(self, chrom: str, start: int, end: int) -> bool:
        """Whether every base of `chrom[start:end]` lies inside; an empty stretch counts as its point."""
        spans = self._merged.get(chrom, [])
        last = bisect_right(self._starts.get(chrom, []), start) - 1
        return last >= 0 and max(end, start + 1) <= spans[last][1]

    def overlaps(self, chrom: str, start: int, end: int) -> bool:
        """Whether any base of `chrom[start:end]` lies inside; an empty stretch counts as its point."""
        spans = self._merged.get(chrom, [])
        last = bisect_right(self._starts.get(chrom, []), max(end, start + 1) - 1) - 1
        return last >= 0 and spans[last][1] > start


class Split:
    """A division of a genome into named parts, such as train, validation and test.

    Args:
        parts: Name → its intervals.

    Raises:
        InputError: Two parts overlap, which would leak one into the other.
    """

    def __init__(self, parts: Mapping[str, Iterable[Interval]]) -> None:
        self.parts: Final = {name: Regions(intervals) for name, intervals in parts.items()}
        names = list(self.parts)
        for place, name in enumerate(names):
            for other in names[place + 1 :]:
                _refuse_overlap(name, self.parts[name], other, self.parts[other])

    def of(self, chrom: str, start: int, end: int) -> str | None:
        """The part that holds all of `chrom[start:end]`, 0-based half-open; None when no single part does."""
        for name, regions in self.parts.items():
            if regions.contains(chrom, start, end):
                return name
        return None

    def touched(self, chrom: str, start: int, end: int) -> list[str]:
        """All parts that hold any base of `chrom[start:end]`, 0-based half-open, in split order."""
        return [name for name, regions in self.parts.items() if regions.overlaps(chrom, start, end)]


def _resolved(chrom: str, contigs: Mapping[str, int] | None) -> tuple[str, int]:
    if contigs is None:
        return chrom, OPEN_END
    found = ContigNames(contigs).resolve(chrom)
    if found is None:
        shown = ", ".join(list(contigs)[:5]) + (", …" if len(contigs) > 5 else "")
        raise UnknownContigError(f"there is no contig '{chrom}'; the contigs are {shown}")
    return found, contigs[found]


def _bounds(coordinates: str, text: str) -> tuple[int, int]:
    """0-based start and end of `START-END` (1-based inclusive), the end possibly open."""
    match = _COORDINATES.match(coordinates)
    if match is None:
        return 0, OPEN_END
    if not match[2]:
        raise InputError(
            f"region '{text}' has no end; write {text}-{match[1]} for one base or {text}- for the rest"
        )
    first, last = match[1].replace(",", ""), match[3].replace(",", "")
    return int(first or 0) - 1, int(last) if last else OPEN_END


def _merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _refuse_overlap(name: str, regions: Regions, other: str, others: Regions) -> None:
    for part in regions:
        if others.overlaps(part.chrom, part.start, part.end):
            raise InputError(
                f"the parts '{name}' and '{other}' of the split overlap in"
                f" {part.chrom}:{part.start + 1:,}-{part.end:,}; give every base to one part"
            )
