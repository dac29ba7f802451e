"""A genome read from its other strand, so that one reading direction serves for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cistron.genome import Reference, Variant
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import reverse_complement


@dataclass(frozen=True)
class OppositeStrand:
    """The reverse complement of every contig; implements `cistron.genome.Reference`.

    Attributes:
        forward: The genome itself.
    """

    forward: Reference

    @property
    def name(self) -> str:
        """The genome's own."""
        return self.forward.name

    @property
    def contigs(self) -> Mapping[str, int]:
        """Those of the genome."""
        return self.forward.contigs

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Bases counted from the last base of the contig, complemented; 0-based half-open."""
        length = self.contigs.get(chrom, 0)
        return reverse_complement(self.forward.fetch(chrom, length - end, length - start))


def on_opposite(variant: Variant, genome: Reference) -> Variant:
    """The same change spelled on `OppositeStrand(genome)`; as it is where the contig is unknown.

    Raises:
        SequenceError: An allele is not spelled out in bases.
    """
    chrom = ContigNames(genome.contigs).resolve(variant.chrom)
    if chrom is None:
        return variant
    start = genome.contigs[chrom] - (variant.start + len(variant.ref))
    return replace(
        variant,
        pos=start + 1,
        ref=reverse_complement(variant.ref),
        alt=reverse_complement(variant.alt),
    )
