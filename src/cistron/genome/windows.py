"""Windows: what a model reads for one allele on one strand.

Everything is in reading direction: on the minus strand all texts are reverse complements, `upstream` comes
from higher plus-strand coordinates, and indels are shifted to the right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cistron.errors import OutOfBoundsError, WindowError
from cistron.genome import Reference, Strand
from cistron.genome.alleles import Allele, AlleleStatus, fetch_wrapped, shift
from cistron.genome.contigs import contig_length
from cistron.genome.sequence import count_acgt, reverse_complement

IndelRule = Literal["neutral", "equal-tokens"]
"""How the downstream side of an indel is cut: the same bases for both, or equally many tokens."""


@dataclass(frozen=True, slots=True)
class AlleleWindow:
    """One strand's view of one allele, in reading direction, upper case.

    Attributes:
        strand: The strand that is read.
        upstream: Bases before the allele, shared by both haplotypes.
        ref: Reference allele; empty for an insertion.
        alt: Alternative allele; empty for a deletion.
        downstream_ref: Bases behind the reference allele.
        downstream_alt: Bases behind the alternative allele; the same ones under the neutral rule.
        origin: Contig, and plus-strand position of the first base that is read, 0-based: windows of one
            strand and one origin read the same reference, as far as each goes.
    """

    strand: Strand
    upstream: str
    ref: str
    alt: str
    downstream_ref: str
    downstream_alt: str
    origin: tuple[str, int] = field(default=("", 0), compare=False)

    @property
    def ref_sequence(self) -> str:
        """The whole reference window."""
        return self.upstream + self.ref + self.downstream_ref

    @property
    def alt_sequence(self) -> str:
        """The whole window with the alternative allele."""
        return self.upstream + self.alt + self.downstream_alt


def allele_window(
    reference: Reference,
    allele: Allele,
    width: int,
    strand: Strand,
    *,
    indel: IndelRule = "neutral",
    circular: bool = False,
    slack: int = 0,
) -> AlleleWindow | AlleleStatus:
    """Cut the window of one allele on one strand, or say why there is none.

    The allele is first shifted upstream in the strand's reading direction. Then `width // 2` bases upstream
    are taken (an SNV sits at that offset on either strand), the allele, and downstream bases until the longer
    haplotype fills `width`. At the end of a linear contig a side is shorter; the other side does not make up
    for it.

    With `slack`, windows come from a grid, so that neighbours share one: its cells are 2 · `slack` bp wide,
    counted from the contig's first base, and the window is that of an SNV in the middle of the allele's cell.
    An allele that would leave less than a quarter of `width` from its last base on has its own window.

    Args:
        reference: The genome.
        allele: A trimmed allele whose REF was checked; it need not be shifted.
        width: Window in bp. A circular contig shorter than that is read once round.
        strand: Reading direction.
        indel: `neutral` gives both alleles the same downstream bases. `equal-tokens` gives both haplotypes
            the same number of bases, the shorter allele taking more of the reference at the far end; where
            the contig ends too early for that, the longer allele itself is cut.
        circular: Wrap around the ends of the contig.
        slack: How far from the middle of its window an SNV may sit, in bp; see `checked_slack`.

    Returns:
        The window; TOO_LONG when the allele leaves less than a quarter of `width` for the downstream side
        (whatever the contig's ends allow), N_WINDOW when under half of the reference window is A, C, G or T.

    Raises:
        UnknownContigError: The contig is not in `reference`.
        OutOfBoundsError: The allele reaches beyond the contig.
        WindowError: `width` is not positive.
    """
    length = _checked_length(reference, allele, circular)
    if width < 1:
        raise WindowError(f"a window of {width} bp holds nothing; give a positive width")
    if circular:
        width = min(width, length)
    if 4 * (width - width // 2 - max(allele.ref_length, len(allele.alt))) < width:
        return AlleleStatus.TOO_LONG

    allele = shift(allele, reference, strand, circular)
    half = _upstream_length(allele, width, strand, min(slack, width // 4), length if circular else None)
    up, behind_ref, behind_alt = _extents(allele, length, width, half, strand, indel, circular)
    down = max(behind_ref, behind_alt, 0)
    start, end, ref, alt = allele.start, allele.start + len(allele.ref), allele.ref, allele.alt
    if strand == "+":
        text = fetch_wrapped(reference, allele.chrom, start - up, end + down)
    else:
        text = reverse_complement(fetch_wrapped(reference, allele.chrom, start - down, end + up))
        ref, alt = reverse_complement(ref), reverse_complement(alt)
    downstream = text[len(text) - down :]
    first = start - up if strand == "+" else end + up - 1
    window = AlleleWindow(
        strand,
        upstream=text[:up],
        ref=ref[: len(ref) + min(behind_ref, 0)],
        alt=alt[: len(alt) + min(behind_alt, 0)],
        downstream_ref=downstream[: max(behind_ref, 0)],
        downstream_alt=downstream[: max(behind_alt, 0)],
        origin=(allele.chrom, first % length),
    )
    whole = window.ref_sequence
    return AlleleStatus.N_WINDOW if 2 * count_acgt(whole) < len(whole) else window


def checked_slack(slack: int, width: int) -> int:
    """`slack`, where it leaves every SNV at least a quarter of `width` on either side.

    Raises:
        WindowError: It does not, or is negative.
    """
    if not 0 <= slack <= width // 4:
        raise WindowError(
            f"a window slack of {slack} bp does not fit windows of {width:,} bp; give 0 to {width // 4:,}"
        )
    return slack


def _upstream_length(allele: Allele, width: int, strand: Strand, slack: int, ring: int | None) -> int:
    """How many bases there should be before the allele, in reading direction; `ring` is a circle's length."""
    half = width // 2
    if not slack:
        return half
    # The first base of the allele that is read; for an insertion the base that it precedes.
    place = allele.start if strand == "+" else allele.start + len(allele.ref) - 1
    place = place if ring is None else place % ring
    beyond = place - (place // (2 * slack) * 2 * slack + slack)
    moved = half + (beyond if strand == "+" else -beyond)
    fits = 4 * (width - moved + 1 - max(len(allele.ref), len(allele.alt))) >= width
    return moved if fits else half


def _extents(
    allele: Allele, length: int, width: int, half: int, strand: Strand, indel: IndelRule, circular: bool
) -> tuple[int, int, int]:
    """How many bases to take upstream, behind REF and behind ALT; negative where an allele itself is cut."""
    ref, alt = len(allele.ref), len(allele.alt)
    if circular:
        before, after = half, length - ref - half
    elif strand == "+":
        before, after = allele.start, length - allele.start - ref
    else:
        before, after = length - allele.start - ref, allele.start
    if indel == "neutral":
        down = min(width - half - max(ref, alt), after)
        return min(half, before), down, down
    tokens = min(width - half, after + min(ref, alt))
    return min(half, before), tokens - ref, tokens - alt


def _checked_length(reference: Reference, allele: Allele, circular: bool) -> int:
    """Length of the allele's contig in bp, after checking that the allele lies on it."""
    length = contig_length(reference, allele.chrom)
    end = allele.start + allele.ref_length
    if allele.start < 0 or allele.start > length or (end > length and not circular):
        raise OutOfBoundsError(
            f"allele {allele.chrom}:{allele.start + 1:,}-{end:,} reaches beyond the contig of {length:,} bp"
        )
    return length
