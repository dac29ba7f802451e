"""Two haplotypes of one stretch, cut around what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cistron.errors import InputError
from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.genome import Variant
from cistron.genome.sequence import count_acgt

Site = tuple[int, int]
"""Half-open span of bases, 0-based."""


@dataclass(frozen=True, slots=True)
class DnaPair:
    """What a DNA model reads of a record.

    Attributes:
        reference: Bases of the window.
        variant: The same flanks around the other allele.
        reference_site: Where the alleles differ, in `reference`; empty for an insertion.
        variant_site: The same in `variant`; empty for a deletion.
    """

    reference: str
    variant: str
    reference_site: Site
    variant_site: Site


@dataclass(frozen=True, slots=True)
class Stretch:
    """A sequence as a genome of one contig, for verbs that want one; see `cistron.genome.Reference`.

    Attributes:
        bases: Upper case.
        name: What to call it and its contig.
    """

    bases: str
    name: str = "reference"

    @property
    def contigs(self) -> Mapping[str, int]:
        """The one contig."""
        return {self.name: len(self.bases)}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Bases of a span, 0-based half-open."""
        return self.bases[start:end]


def as_variant(record: DiagnosisRecord) -> tuple[Variant, Stretch]:
    """What turns a record's reference into its variant, spelled as in VCF, and the genome that it lies on."""
    genome = Stretch(record.reference)
    start, ref_end, alt_end = changed(record.reference, record.variant)
    # VCF wants a base that stays where one of the alleles is empty: before the change, or behind it.
    first, more = (start - 1, 0) if start else (0, 1)
    ref, alt = record.reference[first : ref_end + more], record.variant[first : alt_end + more]
    return Variant(genome.name, first + 1, ref, alt), genome


def changed(reference: str, variant: str) -> tuple[int, int, int]:
    """Where two haplotypes differ: first base in both, one past the last in each; 0-based.

    In a repeat an insertion or deletion has several places; this is the rightmost.
    """
    shortest = min(len(reference), len(variant))
    start = next((i for i in range(shortest) if reference[i] != variant[i]), shortest)
    behind = 0
    while behind < shortest - start and reference[-1 - behind] == variant[-1 - behind]:
        behind += 1
    return start, len(reference) - behind, len(variant) - behind


def centred(record: DiagnosisRecord, width: int) -> DnaPair:
    """The record's sequences cut so that what differs is in the middle of at most `width` bases.

    Both have the same flanks, equally long on either side unless the record ends before; so most bases that
    a causal model reads behind the allele can differ.

    Args:
        record: Normalised.
        width: Most bases of the longer window.

    Raises:
        InputError: The sequences are equal, the alleles leave no room for flanks, or most of a window is not
            A, C, G or T. The message names the record.
    """
    start, ref_end, alt_end = changed(record.reference, record.variant)
    if start == ref_end == alt_end:
        raise InputError(
            f"{record.name}: reference and variant are the same sequence; nothing is asked about"
        )
    longest = max(ref_end, alt_end) - start
    flank = (width - longest) // 2
    if flank < width // 8:
        raise InputError(
            f"{record.name}: its alleles have {ref_end - start:,} and {alt_end - start:,} bases: that leaves "
            f"no flanks in a window of {width:,}; cut the record or raise dna.width"
        )
    first = max(start - flank, 0)
    pair = DnaPair(
        record.reference[first : ref_end + flank],
        record.variant[first : alt_end + flank],
        (start - first, ref_end - first),
        (start - first, alt_end - first),
    )
    for kind, bases in (("reference", pair.reference), ("variant", pair.variant)):
        if 2 * count_acgt(bases) < len(bases):
            raise InputError(f"{record.name}: more than half of the {kind} window is not A, C, G or T")
    return pair


def exchanged(pairs: Sequence[DnaPair], seed: int) -> list[DnaPair]:
    """Each record with the DNA of another one: what is left when DNA and question do not belong together."""
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    turned = dict(zip(order, order[1:] + order[:1], strict=True))
    return [pairs[turned[number]] for number in range(len(pairs))]
