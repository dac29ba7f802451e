"""From a variant to the windows that show both its alleles, or to the reason why there are none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cistron.errors import ReferenceMismatchError
from cistron.genome import Reference, Strand, Variant
from cistron.genome.alleles import Allele, AlleleStatus, RefMismatch, check_ref, classify, trim
from cistron.genome.contigs import ContigNames, is_rcrs, recognise_build
from cistron.genome.windows import AlleleWindow, IndelRule, allele_window

Strands = Literal["both", "forward"]
RefPolicy = Literal["error", "warn"]


@dataclass(frozen=True)
class AlleleWindows:
    """Cuts the windows of variants out of a reference.

    Attributes:
        reference: Genome the variants were called on.
        width: Window in bp.
        strands: `both` gives a window in each reading direction.
        indel: How windows of indels are cut.
        circular: Contigs (as the reference names them) that are read across their ends.
        check_ref: `error` stops at a REF that differs from the reference, `warn` gives it a status.
        lengths: Contig lengths that the variants' file states, for recognising a mitochondrion.
        slack: How far from its window's middle a variant may lie, in bp.
    """

    reference: Reference
    width: int
    strands: Strands = "both"
    indel: IndelRule = "neutral"
    circular: Collection[str] = ()
    check_ref: RefPolicy = "error"
    lengths: Mapping[str, int | None] | None = None
    slack: int = 0

    def of(self, variant: Variant) -> tuple[AlleleWindow, ...] | AlleleStatus:
        """One window for each strand, or why the allele has none.

        Raises:
            ReferenceMismatchError: REF differs from the reference, under `check_ref="error"`.
        """
        chrom = self._names.resolve(variant.chrom, (self.lengths or {}).get(variant.chrom))
        if chrom is None:
            return AlleleStatus.CONTIG_UNKNOWN
        mismatch = check_ref(variant, self.reference, chrom)
        if mismatch is not None:
            if self.check_ref == "error":
                raise ReferenceMismatchError(self._explain(variant, mismatch))
            return AlleleStatus.REF_MISMATCH
        status = classify(variant)
        if status is not None:
            return status
        windows = []
        for strand in self._directions:
            window = self._window(trim(variant, chrom), strand)
            if isinstance(window, AlleleStatus):
                return window
            windows.append(window)
        return tuple(windows)

    @cached_property
    def _names(self) -> ContigNames:
        return ContigNames(self.reference.contigs)

    @cached_property
    def _directions(self) -> tuple[Strand, ...]:
        return ("+", "-") if self.strands == "both" else ("+",)

    def _window(self, allele: Allele, strand: Strand) -> AlleleWindow | AlleleStatus:
        chrom = allele.chrom
        circular = chrom in self.circular or is_rcrs(chrom, self.reference.contigs[chrom])
        return allele_window(
            self.reference,
            allele,
            self.width,
            strand,
            indel=self.indel,
            circular=circular,
            slack=self.slack,
        )

    def _explain(self, variant: Variant, mismatch: RefMismatch) -> str:
        name, build = self.reference.name, recognise_build(self.reference.contigs)
        return f"REF differs from {name} at {variant.chrom}:{variant.pos}: {mismatch}; " + (
            f"{name} is {build}, were the variants called on another build?"
            if build
            else "is this the reference the variants were called on?"
        )
