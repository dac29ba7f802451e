"""Which windows of a contig have more variants than chance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from cistron.errors import InputError
from cistron.formats.bed import read_bed
from cistron.formats.feature_table import read_features
from cistron.formats.vcf_reader import VcfReader
from cistron.genome import Interval, Reference
from cistron.genome.contigs import ContigNames, plain_name
from cistron.genome.sequence import count_acgt
from cistron.metrics.discovery import benjamini_hochberg, negative_binomial_tail, poisson_tail

RULES: Final = ("poisson", "negative-binomial")
GAPS: Final = "gaps"
"""The mask that holds nothing but N."""


@dataclass(frozen=True)
class Windows:
    """Windows of one width and their variants.

    Attributes:
        chrom: The contig.
        width: In bp.
        starts: First base of each, 0-based.
        counts: Variants in each.
        callable_share: Share of each whose variants could have been seen.
    """

    chrom: str
    width: int
    starts: Int[np.ndarray, "N"]
    counts: Int[np.ndarray, "N"]
    callable_share: Float[np.ndarray, "N"]

    @property
    def expected(self) -> Float[np.ndarray, "N"]:
        """Variants where all windows had the mean rate on what is callable."""
        return np.asarray(self.counts.sum() / self.callable_share.sum() * self.callable_share)

    def rates(self, rule: str) -> Float[np.ndarray, "N"]:
        """False-discovery rate at which each window would be called.

        Args:
            rule: `poisson`, as published, or `negative-binomial`, which takes the spread of all windows as
                given.

        Raises:
            InputError: `rule` is neither.
        """
        if rule not in RULES:
            raise InputError(f"hotspot: test={rule} is not known; use {' or '.join(RULES)}")
        if rule == "poisson":
            return benjamini_hochberg(poisson_tail(self.counts, self.expected))
        # The spread beyond Poisson's grows with the square of what is expected.
        beyond = max(float(self.counts.var() / self.counts.mean() ** 2 - 1 / self.counts.mean()), 0.0)
        variance = self.expected + beyond * self.expected**2
        return benjamini_hochberg(negative_binomial_tail(self.counts, self.expected, variance))


def windows_of(
    vcf: Path, reference: Reference, width: int, mask: str = "", folder: Path | None = None
) -> Windows:
    """The windows that a VCF covers, from its first variant to its last: the mean is that of these alone.

    Args:
        vcf: Variants of one contig.
        reference: Its genome.
        width: Of a window, in bp.
        mask: What is not callable: empty drops windows with an N, as published; `gaps` takes N as not
            callable; a BED file, or a feature table in Parquet that counts from 0, takes its intervals
            besides. Windows less than half callable are dropped.
        folder: What `mask` is relative to.

    Raises:
        InputError: A file is missing or damaged, the VCF has variants of several contigs or of none that the
            genome has, or no window is covered.
    """
    chrom, places = _places(vcf, reference)
    first = -(-int(places[0]) // width) * width
    starts = np.arange(first, int(places[-1]) - width + 1, width)
    masked = [] if mask in ("", GAPS) else on_contig(_masked((folder or Path()) / mask), chrom)
    shares = np.array([_callable(reference, chrom, start, width, masked) for start in starts.tolist()])
    kept = shares == 1 if not mask else shares >= 0.5
    if not kept.any():
        raise InputError(f"{vcf} covers no window of {width:,} bp; use narrower ones")
    starts = starts[kept]
    counts = np.searchsorted(places, starts + width) - np.searchsorted(places, starts)
    return Windows(chrom, width, starts, counts, shares[kept])


def on_contig(intervals: Iterable[Interval], chrom: str) -> list[Interval]:
    """Those that lie on a contig, by whatever name."""
    return [each for each in intervals if plain_name(each.chrom) == plain_name(chrom)]


def covered_share(intervals: Iterable[Interval], start: int, width: int) -> float:
    """Share of a window that intervals of its contig cover."""
    return float(_covered(intervals, start, width).mean())


def _places(path: Path, reference: Reference) -> tuple[str, Int[np.ndarray, "V"]]:
    """The contig that the variants lie on, and their places, 0-based and sorted, each once."""
    with VcfReader(path) as records:
        places = {(record.chrom, record.pos - 1) for record in records}
    names = {name for name, _ in places}
    if len(names) != 1:
        raise InputError(
            f"{path} must have variants of one contig; it has {', '.join(sorted(names)) or 'none'}"
        )
    chrom = ContigNames(reference.contigs).resolve(names.pop())
    if chrom is None:
        raise InputError(f"{reference.name} has no contig of the variants in {path}")
    found = np.sort(np.array([start for _, start in places]))
    if found[-1] >= reference.contigs[chrom]:
        raise InputError(
            f"{path} has a variant at {found[-1] + 1:,}, beyond the {reference.contigs[chrom]:,} bp of"
            f" {chrom}; is it of another build?"
        )
    return chrom, found


def _masked(path: Path) -> Iterator[Interval]:
    if path.suffix == ".parquet":
        return read_features(path, one_based=False)
    return read_bed(path)


def _callable(reference: Reference, chrom: str, start: int, width: int, masked: Iterable[Interval]) -> float:
    """Share of the window's bases that are A, C, G or T and not masked."""
    inside = [each for each in masked if each.start < start + width and each.end > start]
    bases = reference.fetch(chrom, start, start + width)
    if not inside:
        return count_acgt(bases) / width
    flags = _covered(inside, start, width)
    return count_acgt("".join(np.array(list(bases))[~flags])) / width


def _covered(masked: Iterable[Interval], start: int, width: int) -> Bool[np.ndarray, "W"]:
    flags = np.zeros(width, dtype=bool)
    for each in masked:
        flags[max(each.start - start, 0) : max(each.end - start, 0)] = True
    return flags
