"""Sequences by coordinates: cut from a genome that the user has, of the build that the table means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cistron.errors import InputError
from cistron.evals.task import Badge
from cistron.formats.fasta import Fasta
from cistron.genome import Interval, Reference
from cistron.genome.contigs import ContigNames, recognise_build
from cistron.genome.sequence import reverse_complement
from cistron.metrics.leaks import Part, leaks

LEAK: Final = 0.05
"""From this share of test intervals an overlap is a leak."""


def require_build(reference: Fasta, build: str) -> None:
    """Return silently when a human genome is of a build, or cannot be told apart.

    Raises:
        InputError: It is another one.
    """
    found = recognise_build(reference.contigs)
    if found not in (None, build):
        raise InputError(f"{reference.name} is {found}; these coordinates are those of {build}")


def cut(reference: Reference, interval: Interval) -> str:
    """Bases of an interval on its strand.

    Raises:
        InputError: The genome has no such contig, or it ends before: it is another build.
    """
    chrom = ContigNames(reference.contigs).resolve(interval.chrom)
    if chrom is None:
        raise InputError(f"{reference.name} has no contig {interval.chrom}")
    if not 0 <= interval.start < interval.end <= reference.contigs[chrom]:
        raise InputError(
            f"{interval.chrom}:{interval.start:,}-{interval.end:,} is not in {reference.name}, where it has"
            f" {reference.contigs[chrom]:,} bp; is it of another build?"
        )
    bases = reference.fetch(chrom, interval.start, interval.end)
    return reverse_complement(bases) if interval.strand == "-" else bases


def widened(interval: Interval, width: int, length: int) -> Interval | None:
    """`width` bases around the middle of an interval; None where the contig of `length` bp ends before.

    A single base stands at offset `width // 2`.
    """
    start = interval.start - (width - len(interval) + 1) // 2
    fits = start >= 0 and start + width <= length
    return Interval(interval.chrom, start, start + width, interval.strand, interval.name) if fits else None


def audit_intervals(train: Iterable[Interval], test: Iterable[Interval]) -> tuple[Badge, ...]:
    """Badges on how many test intervals overlap the training part; `clean` when none does."""
    parts = [
        Part(sequences=[""] * len(places), places=places)
        for places in ([(each.chrom, each.start, each.end) for each in side] for side in (train, test))
    ]
    found = leaks(*parts)
    badges = tuple(Badge("leak" if each.share >= LEAK else "warn", str(each)) for each in found)
    return badges or (Badge("clean", f"none of {len(parts[1].sequences):,} test intervals overlaps another"),)
