"""Personal sequences: the reference with one person's alleles put in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.formats.haploid_genotypes import Haploid
from cistron.formats.phased_genotypes import Diploid
from cistron.genome.sequence import is_acgt, iupac_contains


def densest_windows(starts: NDArray[np.int64], length: int, width: int, count: int = 1) -> list[int]:
    """Starts of the `count` windows of `width` bp that hold most sites and do not overlap, densest first.

    Of equals the first is taken, and of windows that are left when one is taken the densest.

    Raises:
        InputError: So many do not fit.
    """
    before = np.concatenate(([0], np.cumsum(np.bincount(starts, minlength=length))))
    within = before[width:] - before[: length + 1 - width]
    found: list[int] = []
    while len(found) < count:
        at = int(within.argmax())
        if within[at] <= 0:
            raise InputError(
                f"{len(found)} windows of {width:,} bp hold variants and do not overlap; fewer than {count}"
            )
        found.append(at)
        within[max(at - width + 1, 0) : at + width] = 0
    return found


def require_reference(genotypes: Haploid | Diploid, bases: str) -> None:
    """Return silently when every REF allele is what the reference has.

    Raises:
        InputError: One is not: the reference is another build.
    """
    for start, alleles in zip(genotypes.starts, genotypes.alleles, strict=True):
        found = bases[start : start + len(alleles[0])]
        if len(found) != len(alleles[0]) or not all(map(_agree, found, alleles[0])):
            raise InputError(
                f"REF {alleles[0]} at {genotypes.chrom}:{start + 1:,} is {found or 'nothing'} in the"
                " reference; is it of another build?"
            )


def personal(genotypes: Haploid, person: int, bases: str, start: int, end: int) -> str:
    """Bases `start` to `end` of the reference with the alleles of one person that lie inside.

    Unknown genotypes and alleles that are not spelled out stay as the reference; of alleles that overlap, the
    last along the contig is put in.
    """
    parts, behind = [], end
    for site in reversed(range(len(genotypes.starts))):
        number, at = int(genotypes.calls[site, person]), genotypes.starts[site]
        stop = at + len(genotypes.alleles[site][0])
        if number <= 0 or at < start or stop > behind or not is_acgt(genotypes.alleles[site][number]):
            continue
        parts += [bases[stop:behind], genotypes.alleles[site][number]]
        behind = at
    parts.append(bases[start:behind])
    return "".join(reversed(parts))


def _agree(base: str, ref: str) -> bool:
    return base == ref or iupac_contains(base, ref) or iupac_contains(ref, base)
