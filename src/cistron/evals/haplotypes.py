"""Personal sequences: the reference with one person's alleles put in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.formats.haploid_genotypes import Haploid
from cistron.genome.sequence import is_acgt, iupac_contains


def densest_window(starts: NDArray[np.int64], length: int, width: int) -> int:
    """Start of the window of `width` bp that holds most sites, the first of equals."""
    sites = np.bincount(starts, minlength=length)
    before = np.concatenate(([0], np.cumsum(sites)))
    within = before[width:] - before[: length + 1 - width]
    return int(within.argmax())


def require_reference(genotypes: Haploid, bases: str) -> None:
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
