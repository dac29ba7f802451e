"""Signal in bins along regions: what was measured, which bins count, and how near a prediction comes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from cistron.data.letters import OTHER, codes_of
from cistron.errors import InputError
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.task import Setting
from cistron.formats.bed import read_bed
from cistron.genome import Interval, Reference
from cistron.genome.contigs import ContigNames
from cistron.genome.splits import Regions, parse_region
from cistron.metrics.blocks import interval_of
from cistron.metrics.named import MEASURES
from cistron.metrics.tracks_blocks import BIN, Known, Signal

METRICS: Final = ("pearson", "spearman", "rmse")
FEWEST: Final = 5
"""Fewer blocks give no interval."""


@dataclass(frozen=True)
class Bins:
    """Bins of 128 bp along pieces of one length, with what was measured.

    Attributes:
        pieces: The pieces.
        measured: Mean signal of each bin, one row a piece.
        known: Bins all of whose bases are A, C, G or T.
        block: Bases of a contig, counted from its first, that are drawn together.
        parts: Kind of sequence → bins whose middle is of that kind.
    """

    pieces: tuple[Interval, ...]
    measured: Float[np.ndarray, "N P"]
    known: Bool[np.ndarray, "N P"]
    block: int
    parts: dict[str, Bool[np.ndarray, "N P"]] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """How many there are, for a report."""
        blocks = len(np.unique(self._groups()[self.known]))
        whole = f"{self.known.sum():,} of {self.known.size:,} bins of {BIN} bp"
        return (
            f"{len(self.pieces):,} pieces; {whole} have no N; compared as log(1 + mean signal);"
            f" drawn in {blocks} blocks of {self.block:,} bp"
        )

    def with_part(self, name: str, chrom: str, flags: Bool[np.ndarray, "L"]) -> Bins:
        """The same with a kind of sequence, given by the bases of one contig that are of it."""
        found = self.parts.get(name, np.zeros_like(self.known)).copy()
        for row, piece in enumerate(self.pieces):
            if piece.chrom == chrom:
                found[row] = flags[piece.start + BIN // 2 : piece.end : BIN]
        return replace(self, parts={**self.parts, name: found})

    def means_of(self, signal: Signal) -> Float[np.ndarray, "N P"]:
        """Mean of a signal in each bin."""
        return _means(self.pieces, signal)

    def outcome(self, predicted: Float[np.ndarray, "N P"], seed: int) -> Outcome:
        """Metrics of a prediction; bins of which it says nothing are left out, and counted."""
        kept = self.known & np.isfinite(predicted)
        items = {
            "item": self._names()[kept],
            "group": self._groups()[kept],
            "label": np.log1p(self.measured[kept]),
            "score": np.log1p(np.maximum(predicted[kept], 0)).astype(np.float64),
        }
        metrics = [_metric(name, items, seed) for name in METRICS]
        parts = [
            replace(_metric(METRICS[0], _chosen(items, flags[kept]), seed), name=f"{METRICS[0]}:{name}")
            for name, flags in self.parts.items()
        ]
        metrics += [metric for metric in parts if math.isfinite(metric.value)]
        lacking = int((self.known & ~kept).sum())
        return Outcome(tuple(metrics), items, (f"{lacking:,} bins have no prediction",) if lacking else ())

    def _names(self) -> NDArray[Any]:
        starts = [f"{p.chrom}:{start + 1}" for p in self.pieces for start in range(p.start, p.end, BIN)]
        return np.array(starts).reshape(self.known.shape)

    def _groups(self) -> NDArray[Any]:
        blocks = [f"{p.chrom}:{at // self.block}" for p in self.pieces for at in range(p.start, p.end, BIN)]
        return np.array(blocks).reshape(self.known.shape)


def binned(pieces: tuple[Interval, ...], measured: Signal, known: Known, block: int) -> Bins:
    """What was measured in the bins of pieces.

    Args:
        pieces: All of one length.
        measured: The truth.
        known: Which bases are A, C, G or T.
        block: Bases of a block.

    Raises:
        InputError: The length is no whole number of bins, a block is shorter than one, or no bin is known.
    """
    if len(pieces[0]) % BIN or block < BIN:
        raise InputError(
            f"piece={len(pieces[0])} must be a multiple of {BIN}, and block={block} at least {BIN}"
        )
    flags = [known(p.chrom, p.start, p.end).reshape(-1, BIN).all(axis=1) for p in pieces]
    found = Bins(pieces, _means(pieces, measured), np.stack(flags), block)
    if not found.known.any():
        raise InputError(f"none of the {found.known.size:,} bins is free of N; give other test regions")
    return found


def known_bases(reference: Reference) -> Known:
    """Tells which bases of a genome are A, C, G or T."""
    return lambda chrom, start, end: codes_of(reference.fetch(chrom, start, end).encode()) < OTHER


def regions_of(words: str, setting: Setting, reference: Reference) -> list[Interval]:
    """Regions in the names and order of the genome, merged where they touch.

    Args:
        words: `CHROM:START-END` (1-based) or BED files below the data folder, between spaces.
        setting: Knows the data folder.
        reference: The genome.

    Raises:
        InputError: There are none, or one is not on the genome.
        UnknownContigError: The genome has no such contig.
    """
    order = list(reference.contigs)
    found = Regions(each for word in words.split() for each in _intervals(word, setting, reference))
    regions = sorted(found, key=lambda region: (order.index(region.chrom), region.start))
    if not regions:
        raise InputError("no regions are given; write CHROM:START-END, or a BED file")
    return regions


def _intervals(word: str, setting: Setting, reference: Reference) -> Iterator[Interval]:
    if not word.endswith(".bed"):
        yield parse_region(word, reference.contigs)
        return
    names = ContigNames(reference.contigs)
    for each in read_bed(setting.path(word)):
        chrom = names.resolve(each.chrom)
        if chrom is None or each.end > reference.contigs[chrom]:
            place = f"{each.chrom}:{each.start + 1:,}-{each.end:,}"
            raise InputError(f"{word} has {place}, which is not on {reference.name}; is it of another build?")
        yield Interval(chrom, each.start, each.end)


def _means(pieces: Sequence[Interval], signal: Signal) -> Float[np.ndarray, "N P"]:
    return np.stack([signal(p.chrom, p.start, p.end).reshape(-1, BIN).mean(axis=1) for p in pieces])


def _chosen(items: dict[str, NDArray[Any]], rows: Bool[np.ndarray, "N"]) -> dict[str, NDArray[Any]]:
    return {column: values[rows] for column, values in items.items()}


def _metric(name: str, items: dict[str, NDArray[Any]], seed: int) -> Metric:
    """A metric with its interval, or why there is none."""
    measure, blocks = MEASURES[name], len(np.unique(items["group"]))
    bare = Metric(name, math.nan, n=blocks, higher_is_better=measure.higher_is_better)
    if name != "rmse" and (len(items["item"]) < 2 or min(map(np.ptp, (items["label"], items["score"]))) == 0):
        return replace(bare, note="none: measured or predicted signal is the same everywhere")
    if blocks < FEWEST:
        return replace(bare, note=f"none: {blocks} blocks are too few")
    return Metric.of(
        name,
        interval_of(measure.on(items), items["group"], seed=seed),
        blocks,
        higher_is_better=measure.higher_is_better,
    )
