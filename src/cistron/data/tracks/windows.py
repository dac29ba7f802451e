"""Windows of the parts of a genome: inside one region each, with enough bases whose signal is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int64

from cistron.data.letters import OTHER, codes_of
from cistron.data.spans import Spans, difference, intersection, merged, no_spans
from cistron.formats.bed import read_bed
from cistron.genome import Interval, Reference
from cistron.genome.contigs import ContigNames
from cistron.genome.sliding import checked_stride

_PIECE: Final = 1 << 22
"""Bases whose letters are held at once."""

Blacklist = Mapping[str, Spans]
"""Contig → bases whose signal is not to be trusted."""


@dataclass(frozen=True)
class Part:
    """Windows of one part.

    Attributes:
        windows: In the order of the regions, ascending in each.
        known: Contig → bases of the windows that are neither N nor blacklisted.
        short: Regions that are shorter than a window.
        unknown: Windows left out because too many of their bases are N or blacklisted.
    """

    windows: list[Interval]
    known: dict[str, Spans]
    short: int
    unknown: int


def cut(
    regions: Iterable[Interval],
    reference: Reference,
    blacklist: Blacklist,
    *,
    width: int,
    stride: int | None,
    most_unknown: float,
) -> Part:
    """The windows of regions, none of which reaches beyond its region.

    They begin `stride` apart from a region's first base on; the last one ends with the region.

    Raises:
        WindowError: The width is not positive, or the stride not between 1 and the width.
    """
    step = checked_stride(width, stride if stride is not None else max(width // 2, 1))
    windows: list[Interval] = []
    known: dict[str, list[Spans]] = {}
    short = unknown = 0
    for region in regions:
        starts = _starts(region, width, step)
        short += not len(starts)
        there = difference(_lettered(region, reference), blacklist.get(region.chrom, no_spans()))
        counts = _covered(there, starts + width) - _covered(there, starts)
        kept = starts[counts >= (1 - most_unknown) * width]
        unknown += len(starts) - len(kept)
        windows += [Interval(region.chrom, start, start + width) for start in kept.tolist()]
        inside = intersection(merged(np.stack((kept, kept + width), axis=1)), there)
        known.setdefault(region.chrom, []).append(inside)
    return Part(
        windows, {chrom: merged(np.concatenate(each)) for chrom, each in known.items()}, short, unknown
    )


def complement(parts: Sequence[Interval], reference: Reference, chroms: Iterable[str]) -> Iterator[Interval]:
    """Yield what the parts leave of contigs, in order."""
    for chrom in chroms:
        taken = merged((each.start, each.end) for each in parts if each.chrom == chrom)
        whole = np.array([[0, reference.contigs[chrom]]], dtype=np.int64)
        for start, end in difference(whole, taken).tolist():
            yield Interval(chrom, start, end)


def read_blacklist(paths: Iterable[str | Path], reference: Reference) -> Blacklist:
    """What BED files name of the genome's contigs, under its names; other contigs do not matter.

    Raises:
        InputError: A file is missing or malformed.
    """
    names = ContigNames(reference.contigs)
    rows: dict[str, list[tuple[int, int]]] = {}
    for path in paths:
        for interval in read_bed(path):
            chrom = names.resolve(interval.chrom)
            if chrom is not None:
                rows.setdefault(chrom, []).append((interval.start, interval.end))
    return {chrom: merged(each) for chrom, each in rows.items()}


def _starts(region: Interval, width: int, step: int) -> Int64[np.ndarray, "N"]:
    last = region.end - width
    if last < region.start:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.append(np.arange(region.start, last + 1, step, dtype=np.int64), last))


def _lettered(region: Interval, reference: Reference) -> Spans:
    """Stretches of A, C, G and T."""
    found = []
    for low in range(region.start, region.end, _PIECE):
        bases = reference.fetch(region.chrom, low, min(low + _PIECE, region.end))
        flags = np.concatenate(([False], codes_of(bases.encode()) != OTHER, [False]))
        found.append(np.flatnonzero(flags[1:] != flags[:-1]).reshape(-1, 2) + low)
    return merged(np.concatenate([no_spans(), *found]))


def _covered(spans: Spans, points: Int64[np.ndarray, "N"]) -> Int64[np.ndarray, "N"]:
    """How many bases of the set lie before each point."""
    before = np.concatenate(([0], np.cumsum(spans[:, 1] - spans[:, 0])))
    opened = np.searchsorted(spans[:, 0], points, side="right")
    # The last stretch that has begun may reach beyond the point.
    ends = np.concatenate(([0], spans[:, 1]))[opened]
    covered: Int64[np.ndarray, "N"] = before[opened] - np.maximum(ends - points, 0)
    return covered
