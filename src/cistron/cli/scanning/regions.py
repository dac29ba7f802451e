"""Which stretches of a genome the user means: regions, BED files, or all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from cistron.errors import InputError, OutOfBoundsError, UnknownContigError
from cistron.formats.bed import read_bed
from cistron.genome import Interval, Reference
from cistron.genome.contigs import ContigNames
from cistron.genome.splits import Regions, parse_region


def scan_intervals(regions: Sequence[str], genome: Reference) -> list[Interval]:
    """What to scan, in the genome's contig names and order, merged where stretches touch.

    Args:
        regions: `CHROM`, `CHROM:START-END` (1-based), or the name of a BED file; the whole genome when empty.
        genome: The reference.

    Raises:
        InputError: A text is neither a region nor a BED file, or nothing is left to scan.
        UnknownContigError: A contig is not in the genome.
        OutOfBoundsError: A line of a BED file reaches beyond its contig.
    """
    if regions:
        found = chain.from_iterable(_intervals(text, genome) for text in regions)
        order = {chrom: number for number, chrom in enumerate(genome.contigs)}
        intervals = sorted(Regions(found), key=lambda interval: order[interval.chrom])
    else:
        intervals = [Interval(chrom, 0, length) for chrom, length in genome.contigs.items() if length]
    if not intervals:
        raise InputError(f"there is nothing to scan: {' and '.join(regions) or genome.name} holds no bases")
    return intervals


def _intervals(text: str, genome: Reference) -> Iterator[Interval]:
    if not Path(text).is_file():
        yield parse_region(text, genome.contigs)
        return
    names = ContigNames(genome.contigs)
    for found in read_bed(text):
        chrom = names.resolve(found.chrom)
        if chrom is None:
            raise UnknownContigError(f"{text} has the contig '{found.chrom}', which is not in {genome.name}")
        if found.end > genome.contigs[chrom]:
            raise OutOfBoundsError(
                f"{text} has {found.chrom} {found.start}-{found.end}, but {chrom} of {genome.name} has"
                f" {genome.contigs[chrom]:,} bp"
            )
        yield Interval(chrom, found.start, found.end)
