"""Alleles: from the spelling in a VCF to one canonical replacement of reference bases.

A VCF spells one haplotype in many ways: with anchor bases, with other common bases on either side, at any
position of a repeat. `trim` and `shift` take each of them to the same `Allele`. Nothing here changes a
record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import cycle
from typing import NamedTuple

from cistron.genome import Reference, Strand, Variant
from cistron.genome.contigs import contig_length
from cistron.genome.sequence import ACGT, is_acgt, iupac_contains


class AlleleStatus(StrEnum):
    """Why an allele has no score, as written to `CISTRON_STATUS`. A scored allele has no status."""

    REF_MISMATCH = "REF_MISMATCH"
    SYMBOLIC = "SYMBOLIC"
    SPANNING = "SPANNING"
    BREAKEND = "BREAKEND"
    IUPAC = "IUPAC"
    TOO_LONG = "TOO_LONG"
    N_WINDOW = "N_WINDOW"
    CONTIG_UNKNOWN = "CONTIG_UNKNOWN"


class RefMismatch(NamedTuple):
    """How a REF allele differs from the reference genome.

    Attributes:
        pos: Position of the REF allele, 1-based as in VCF.
        expected: The REF allele as the VCF has it.
        found: What the reference genome has there; shorter than `expected` past the end of the contig.
    """

    pos: int
    expected: str
    found: str

    def __str__(self) -> str:
        found = _abbreviated(self.found) if self.found else "nothing (outside the contig)"
        return f"expected {_abbreviated(self.expected)}, found {found}"


@dataclass(frozen=True, slots=True)
class Allele:
    """Reference bases and what replaces them, without common bases; an indel has one side empty.

    Attributes:
        chrom: Contig name as the reference genome has it.
        start: First replaced base, or the base that an insertion precedes; 0-based on the plus strand.
        ref: Replaced bases, upper case, plus strand.
        alt: Replacement, upper case, plus strand.
        end: Only for a symbolic deletion whose bases were not fetched (`ref` is then empty): one past its
            last base. It may be megabases long, so whether it fits is decided before anything is read.
    """

    chrom: str
    start: int
    ref: str
    alt: str
    end: int | None = None

    @property
    def ref_length(self) -> int:
        """Number of replaced reference bases, in bp."""
        return len(self.ref) if self.end is None else self.end - self.start

    def spelled(self, reference: Reference) -> Allele:
        """The same allele with the bases of a symbolic deletion filled in.

        Raises:
            UnknownContigError: The contig is not in `reference`.
            OutOfBoundsError: The deletion reaches beyond the contig.
        """
        if self.end is None:
            return self
        return replace(self, ref=reference.fetch(self.chrom, self.start, self.end), end=None)


def classify(variant: Variant) -> AlleleStatus | None:
    """Why `variant` cannot be scored, judged by its text alone; None when nothing speaks against it.

    `<DEL>` (and subtypes such as `<DEL:ME>`) with an end behind its position can be scored; its REF is only
    the base before the deletion and may be N. Letters other than ACGT, N included, make any other allele
    IUPAC.
    """
    ref, alt = variant.ref, variant.alt
    if is_acgt(alt):
        return None if is_acgt(ref) else AlleleStatus.IUPAC
    if "[" in alt or "]" in alt or (len(alt) > 1 and "." in (alt[0], alt[-1])):
        return AlleleStatus.BREAKEND
    if "<" in alt:
        return None if _is_sized_deletion(variant) else AlleleStatus.SYMBOLIC
    return AlleleStatus.SPANNING if alt == "*" else AlleleStatus.IUPAC


def check_ref(variant: Variant, reference: Reference, chrom: str) -> RefMismatch | None:
    """How the REF of `variant` differs from `reference`; None when it agrees.

    Case is ignored. An ambiguous base of the reference agrees with each base it stands for (N with all), and
    an ambiguous REF base with each base of the reference that it stands for. A REF, or a symbolic deletion,
    that runs past the end of the contig does not agree.

    Args:
        variant: The allele to check.
        reference: The genome it is said to be called on.
        chrom: Name of its contig in `reference`.

    Raises:
        UnknownContigError: `chrom` is not in `reference`.
    """
    length = contig_length(reference, chrom)
    if _is_sized_deletion(variant):
        if variant.end is not None and variant.end > length:
            return RefMismatch(variant.pos, variant.ref, "")
        if variant.pos == 0:  # the telomere: there is no base before the deletion
            return None
    expected, found = variant.ref.upper(), ""
    if variant.start >= 0:
        found = reference.fetch(chrom, min(variant.start, length), min(variant.start + len(expected), length))
    if found == expected or (len(found) == len(expected) and all(map(_compatible, found, expected))):
        return None
    return RefMismatch(variant.pos, variant.ref, found)


def trim(variant: Variant, chrom: str | None = None) -> Allele:
    """`variant` without the bases that REF and ALT share: common suffix first, then common prefix.

    Args:
        variant: An allele that `classify` has nothing against.
        chrom: Name of the contig in the reference genome; the variant's own when None.
    """
    chrom = variant.chrom if chrom is None else chrom
    if _is_sized_deletion(variant):
        return Allele(chrom, variant.start + 1, "", "", end=variant.end)
    ref, alt = variant.ref.upper(), variant.alt.upper()
    if len(ref) == len(alt) == 1 and ref != alt:
        return Allele(chrom, variant.start, ref, alt)
    tail = _common(reversed(ref), reversed(alt))
    ref, alt = ref[: len(ref) - tail], alt[: len(alt) - tail]
    head = _common(iter(ref), iter(alt))
    return Allele(chrom, variant.start + head, ref[head:], alt[head:])


def shift(allele: Allele, reference: Reference, strand: Strand, circular: bool = False) -> Allele:
    """`allele` as far upstream in the reading direction of `strand` as the sequence allows.

    A trimmed deletion or insertion inside a repeat can be written at several places; upstream means to the
    left on `+` and to the right on `-`. Substitutions have one place and come back unchanged. Stops at bases
    other than ACGT and at the ends of the contig.

    Args:
        allele: A trimmed allele; a symbolic deletion has its bases fetched.
        reference: The genome.
        strand: Reading direction.
        circular: Carry on across the origin of the contig.

    Raises:
        UnknownContigError: The contig is not in `reference`.
        OutOfBoundsError: The allele reaches beyond the contig.
    """
    allele = allele.spelled(reference)
    motif = allele.ref or allele.alt
    if not motif or (allele.ref and allele.alt):
        return allele
    # Passing a base turns the indel's text by one: after j steps upstream its end is motif[-1 - j %
    # len(motif)].
    motif = motif[::-1] if strand == "+" else motif
    steps = _common(cycle(motif), _upstream(allele, reference, strand, circular))
    if not steps:
        return allele
    turn = steps % len(motif)
    turned = motif[turn:] + motif[:turn]
    turned = turned[::-1] if strand == "+" else turned
    start = allele.start - steps if strand == "+" else allele.start + steps
    if circular:
        start %= reference.contigs[allele.chrom]
    return replace(allele, start=start, ref=turned if allele.ref else "", alt=turned if allele.alt else "")


def fetch_wrapped(reference: Reference, chrom: str, start: int, end: int) -> str:
    """Bases of `chrom[start:end]` on a circular contig, where both ends may lie beyond the origin.

    Args:
        reference: The genome.
        chrom: Contig name.
        start: First base, 0-based; negative before the origin.
        end: One past the last base, at most one contig length behind `start`.

    Raises:
        UnknownContigError: The contig is not in `reference`.
    """
    length = contig_length(reference, chrom)
    if start >= 0 and end <= length:
        return reference.fetch(chrom, start, end)
    turn = start // length * length
    start, end = start - turn, end - turn
    head = reference.fetch(chrom, start, min(end, length))
    return head + reference.fetch(chrom, 0, end - length) if end > length else head


def _upstream(allele: Allele, reference: Reference, strand: Strand, circular: bool) -> Iterator[str]:
    """Plus-strand bases from the allele's upstream edge on, one by one, until one is not ACGT."""
    length = contig_length(reference, allele.chrom)
    edge = allele.start if strand == "+" else allele.start + len(allele.ref)
    left = length if circular else edge if strand == "+" else length - edge
    size = 64  # most indels move a few bases; long repeats grow the chunk
    while left > 0:
        size = min(size, left)
        if strand == "+":
            chunk = fetch_wrapped(reference, allele.chrom, edge - size, edge)[::-1]
            edge -= size
        else:
            chunk = fetch_wrapped(reference, allele.chrom, edge, edge + size)
            edge += size
        for base in chunk:
            if base not in ACGT:
                return
            yield base
        left -= size
        size = min(2 * size, 1 << 16)


def _common(left: Iterator[str], right: Iterator[str]) -> int:
    """How many leading items two iterators share."""
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count


def _compatible(found: str, expected: str) -> bool:
    return found == expected or iupac_contains(found, expected) or iupac_contains(expected, found)


def _is_sized_deletion(variant: Variant) -> bool:
    if not variant.alt.startswith(("<DEL>", "<DEL:")):
        return False
    return variant.end is not None and variant.end > variant.pos


def _abbreviated(bases: str, longest: int = 20) -> str:
    return bases if len(bases) <= longest else f"{bases[:longest]}… ({len(bases):,} bases)"
