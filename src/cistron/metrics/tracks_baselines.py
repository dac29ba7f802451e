"""Predictions of coverage without a model: the mean measured signal of bases of the same kind.

What is fitted is one number for each kind of base: all alike, bases in surroundings of the same composition,
or bases at the same distance from a transcription start in the same part of a gene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from cistron.errors import InputError
from cistron.genome import Interval, Reference
from cistron.genome.annotation import covered
from cistron.genome.contigs import contig_length
from cistron.genome.splits import Regions
from cistron.metrics.tracks_blocks import BLOCK, Known, Signal, blocks_of

Kinds = Callable[[str, int, int], Int[np.ndarray, "L"]]
"""Kind of each base of `chrom[start:end]`, from 0."""

GC_WINDOW: Final = 1024
"""Bases around a base whose composition counts."""

DISTANCES: Final = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Ends of the classes of distance from the nearest transcription start, on either side of it, in bp."""


def fitted(
    measured: Signal,
    kinds: Kinds,
    regions: Sequence[Interval],
    *,
    known: Known | None = None,
    advance: Callable[[int], None] = lambda bases: None,
) -> Signal:
    """The signal that gives each base the mean of its kind; a kind never met takes that of the nearest kind.

    Args:
        measured: The truth.
        kinds: Kind of every base.
        regions: To fit on.
        known: Which bases count; all when None.
        advance: Told bases as they are read.

    Raises:
        InputError: The regions hold no known base.
    """
    sums, counts = np.zeros(0), np.zeros(0)
    for piece in (piece for block in blocks_of(regions, BLOCK) for piece in block):
        place = piece.chrom, piece.start, piece.end
        kind, values = kinds(*place), measured(*place)
        if known is not None:
            kept = known(*place)
            kind, values = kind[kept], values[kept]
        sums = _longer(sums, np.bincount(kind, weights=values))
        counts = _longer(counts, np.bincount(kind).astype(np.float64))
        advance(len(piece))
    met = np.flatnonzero(counts)
    if not len(met):
        raise InputError("the regions for the baselines hold no known base; give others")
    means = sums[met] / counts[met]

    def signal(chrom: str, start: int, end: int) -> Float[np.ndarray, "L"]:
        wanted = kinds(chrom, start, end)
        above = np.clip(np.searchsorted(met, wanted), 0, len(met) - 1)
        below = np.maximum(above - 1, 0)
        nearer = np.abs(met[below] - wanted) < np.abs(met[above] - wanted)
        return np.asarray(means[np.where(nearer, below, above)])

    return signal


def all_alike(chrom: str, start: int, end: int) -> Int[np.ndarray, "L"]:
    """One kind for all bases: fitted, it predicts the mean track."""
    return np.zeros(end - start, dtype=np.int64)


def gc_kinds(reference: Reference) -> Kinds:
    """Kinds by the GC content of the 1,024 bp around a base, in per cent of those that are A, C, G or T."""

    def kinds(chrom: str, start: int, end: int) -> Int[np.ndarray, "L"]:
        text, left = _surroundings(reference, chrom, start, end)
        gc, at = (
            _around(np.isin(text, np.frombuffer(pair, dtype=np.uint8)), left, start, end)
            for pair in (b"GC", b"AT")
        )
        return np.asarray(100 * gc // np.maximum(gc + at, 1))

    return kinds


def cpg_kinds(reference: Reference) -> Kinds:
    """Kinds by the number of CpG in the 1,024 bp around a base."""

    def kinds(chrom: str, start: int, end: int) -> Int[np.ndarray, "L"]:
        text, left = _surroundings(reference, chrom, start, end)
        following = np.append(text[1:], 0)
        return _around((text == ord("C")) & (following == ord("G")), left, start, end)

    return kinds


def _surroundings(
    reference: Reference, chrom: str, start: int, end: int
) -> tuple[UInt8[np.ndarray, "M"], int]:
    """Letters of a stretch and half a window on either side, within the contig, and where they begin."""
    left = max(start - GC_WINDOW // 2, 0)
    right = min(end + GC_WINDOW // 2, contig_length(reference, chrom))
    return np.frombuffer(reference.fetch(chrom, left, right).encode(), dtype=np.uint8), left


def _around(flags: Bool[np.ndarray, "M"], left: int, start: int, end: int) -> Int[np.ndarray, "L"]:
    """How many flags lie in the window around each base of `start` to `end`; `left` is where they begin."""
    before = np.concatenate(([0], np.cumsum(flags)))
    place = np.arange(start, end) - left
    low, high = (np.clip(place + side, 0, len(flags)) for side in (-(GC_WINDOW // 2), GC_WINDOW // 2))
    return np.asarray(before[high] - before[low])


def annotation_kinds(genes: Iterable[Interval], exons: Iterable[Interval]) -> Kinds:
    """Kinds by part of a gene (exon, intron, neither) and distance from the nearest transcription start.

    Negative is upstream in the reading direction of the gene that starts there.
    """
    whole = list(genes)
    bodies, parts = _by_contig(Regions(whole)), _by_contig(Regions(exons))
    starts = {chrom: _starts(found) for chrom, found in _by_contig(whole).items()}
    edges = np.array([*(-d for d in reversed(DISTANCES)), 0, *DISTANCES])

    def kinds(chrom: str, start: int, end: int) -> Int[np.ndarray, "L"]:
        exonic, genic = (_flags(found.get(chrom, []), start, end) for found in (parts, bodies))
        part = np.where(exonic, 2, genic.astype(np.int64))
        place, forward = starts.get(chrom, (np.zeros(0), np.zeros(0)))
        if not len(place):
            return np.asarray(part * (len(edges) + 1))
        bases = np.arange(start, end)
        above = np.clip(np.searchsorted(place, bases), 0, len(place) - 1)
        below = np.maximum(above - 1, 0)
        nearest = np.where(bases - place[below] < np.abs(place[above] - bases), below, above)
        distance = (bases - place[nearest]) * forward[nearest]
        return np.asarray(part * (len(edges) + 1) + np.searchsorted(edges, distance, side="right"))

    return kinds


def _starts(genes: Sequence[Interval]) -> tuple[Int[np.ndarray, "G"], Int[np.ndarray, "G"]]:
    """First transcribed base of each gene in ascending order, and 1 or −1 for its direction."""
    places = sorted((g.start, 1) if g.strand == "+" else (g.end - 1, -1) for g in genes)
    found = np.array(places, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _flags(intervals: Sequence[Interval], start: int, end: int) -> Bool[np.ndarray, "L"]:
    near = [
        Interval(one.chrom, max(one.start, start) - start, min(one.end, end) - start)
        for one in intervals
        if one.start < end and start < one.end
    ]
    return covered(near, end - start)


def _by_contig(intervals: Iterable[Interval]) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for interval in intervals:
        found.setdefault(interval.chrom, []).append(interval)
    return found


def _longer(total: Float[np.ndarray, "N"], more: Float[np.ndarray, "K"]) -> Float[np.ndarray, "M"]:
    """The sum of two arrays of different length, the shorter one filled up with zeros."""
    size = max(len(total), len(more))
    return np.asarray(sum(np.pad(part, (0, size - len(part))) for part in (total, more)))
