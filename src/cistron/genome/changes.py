"""Kinds of change: substitutions by their trinucleotide, insertions and deletions by their length.

A substitution and its reverse complement are one event seen from two strands; it is named with the
pyrimidine as the replaced base, as in `A[C>T]G`, which makes 96 kinds (Alexandrov et al. 2013, Nature
500:415). Insertions and deletions are named `ins4` and `del4` by the length of the class they fall in.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from cistron.genome import Reference
from cistron.genome.alleles import Allele
from cistron.genome.sequence import ACGT, is_acgt, reverse_complement

INDEL_LENGTHS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Lengths in bp that classes of insertions and deletions are named after."""

TRINUCLEOTIDES: Final = tuple(f"{a}{b}{c}" for b, a, c in product("CT", ACGT, ACGT))
"""The 32 trinucleotides with a pyrimidine in the middle."""


def substitutions() -> Iterator[str]:
    """The 96 kinds of substitution."""
    for text in TRINUCLEOTIDES:
        yield from (f"{text[0]}[{text[1]}>{alt}]{text[2]}" for alt in ACGT if alt != text[1])


def kinds() -> tuple[str, ...]:
    """Every kind of change, substitutions first."""
    return (*substitutions(), *(f"{kind}{length}" for length in INDEL_LENGTHS for kind in ("ins", "del")))


def change_kind(allele: Allele, reference: Reference) -> str | None:
    """The kind of `allele`, or None where it has none.

    None have: substitutions of several bases, insertions that also replace bases, indels of more than half as
    much again as the longest class, and substitutions beside an N or at the end of a contig.

    Args:
        allele: A trimmed allele whose REF was checked.
        reference: The genome it lies on.
    """
    ref, alt = allele.ref_length, len(allele.alt)
    if ref == alt == 1:
        return _substitution(allele, reference)
    if ref and alt:
        return None
    length = class_length(ref or alt)
    return None if length is None else f"{'del' if ref else 'ins'}{length}"


def class_length(length: int) -> int | None:
    """The class that an indel of `length` bp falls in: the nearest by ratio, the shorter one in a tie."""
    if not 0 < 2 * length <= 3 * INDEL_LENGTHS[-1]:
        return None
    return min(INDEL_LENGTHS, key=lambda named: (max(length / named, named / length), named))


def _substitution(allele: Allele, reference: Reference) -> str | None:
    start, end = allele.start - 1, allele.start + 2
    if start < 0 or end > reference.contigs[allele.chrom]:
        return None
    around, alt = reference.fetch(allele.chrom, start, end), allele.alt
    if not is_acgt(around):
        return None
    if around[1] in "AG":
        around, alt = reverse_complement(around), reverse_complement(alt)
    return f"{around[0]}[{around[1]}>{alt}]{around[2]}"
