"""Mean signal of intervals: labels from bigWig files."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path

import numpy as np

from cistron.errors import InputError, UnknownContigError
from cistron.formats.bigwig import bigwig_contigs, read_bigwig
from cistron.genome import Interval
from cistron.genome.contigs import ContigNames


class Signals:
    """The mean of each bigWig file over an interval; a base without a value counts as zero.

    Args:
        paths: bigWig files.
        genome: What to call the genome in messages.
        contigs: Its contigs, name → length in bp.

    Raises:
        InputError: A file is missing or no bigWig, or a contig has another length than in the genome.
    """

    def __init__(self, paths: tuple[str, ...], genome: str, contigs: Mapping[str, int]) -> None:
        self._files = [(path, ContigNames(_same_build(path, genome, contigs))) for path in paths]

    def of(self, interval: Interval) -> tuple[str, ...]:
        """One number for each file, written as text like any label.

        Raises:
            UnknownContigError: A file has nothing on that contig, so its signal there is unknown.
            OutOfBoundsError: The interval reaches beyond the contig.
            InputError: The interval is empty, or a value is infinite.
        """
        return tuple(_mean(path, names, interval) for path, names in self._files)


def _mean(path: str, names: ContigNames, interval: Interval) -> str:
    chrom = names.resolve(interval.chrom)
    place = f"{interval.chrom}:{interval.start + 1:,}-{interval.end:,}"
    if chrom is None:
        raise UnknownContigError(f"{path} has nothing on '{interval.chrom}'; drop its intervals")
    if not len(interval):
        raise InputError(f"{place} is empty and has no mean signal; drop it")
    mean = float(np.nansum(read_bigwig(path, chrom, interval.start, interval.end)) / len(interval))
    if not isfinite(mean):
        raise InputError(f"{path} holds infinite values at {place}; drop the interval or mend the file")
    return repr(mean)


def _same_build(path: str, genome: str, contigs: Mapping[str, int]) -> dict[str, int]:
    """The contigs of a bigWig file, after comparing their lengths with those of the genome."""
    found, names = bigwig_contigs(Path(path)), ContigNames(contigs)
    for name, length in found.items():
        here = names.resolve(name, length)
        if here is not None and contigs[here] != length:
            raise InputError(
                f"{path} belongs to another assembly: its {name} has {length:,} bp, "
                f"{here} of {genome} has {contigs[here]:,}"
            )
    return found
