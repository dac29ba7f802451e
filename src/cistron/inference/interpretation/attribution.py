"""What do gradients say every substitution would do? First-order estimates of the variant score.

A causal model's log-likelihood of a sequence is a function f of its one-hot bases X: every base counts as
what is predicted and as context of what follows. Replacing base r by b at position i then changes it by

    llr ≈ ∂f/∂X[b, i] − ∂f/∂X[r, i]

to first order, and one pass forward and back gives this for all positions. The first part,
log P(b) − log P(r), is exact; the effect on the bases downstream is what is estimated.

What a model looks up rather than computes has no gradient: an n-gram memory's view of a substitution is seen
where it is predicted, not where it is context. See `docs/design/interpretation.md`.

Source: first-order Taylor approximation of saturation mutagenesis, Sasse et al. 2024 (iScience 27:110807).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from cistron.errors import InputError, ReferenceMismatchError
from cistron.genome import Reference, Strand, Variant
from cistron.genome.alleles import AlleleStatus, fetch_wrapped
from cistron.genome.contigs import contig_length, is_rcrs
from cistron.genome.sequence import ACGT, count_acgt, reverse_complement
from cistron.inference.interpretation.one_hot import OneHotAdapter
from cistron.inference.interpretation.slopes import GradientMethod, Slopes, slopes
from cistron.inference.planning.budget import Budget
from cistron.inference.score import Strands, VariantScore, usual_batch_tokens
from cistron.models import Model
from cistron.tokenizers import Tokenizer


@dataclass(frozen=True)
class Tile:
    """Neighbouring positions that share a window on either strand.

    The same windows as those of the variant score: cells of 2 · slack bp counted from the contig's first
    base, each with the window of a substitution in its middle. So which window a position has does not
    depend on what else is asked.

    Attributes:
        reference: The genome.
        chrom: Contig.
        middle: The position in the middle, 0-based.
        width: Of the window, in bp.
        circular: Whether the contig is read across its ends.
    """

    reference: Reference
    chrom: str
    middle: int
    width: int
    circular: bool

    def read(self, strand: Strand) -> tuple[int, str]:
        """Start of the window, 0-based, and its bases, both on the plus strand."""
        length = contig_length(self.reference, self.chrom)
        width = min(self.width, length) if self.circular else self.width
        # As many bases upstream of the middle in either reading direction.
        start = self.middle - width // 2 if strand == "+" else self.middle + 1 - (width - width // 2)
        end = start + width
        if not self.circular:
            start, end = max(start, 0), min(end, length)
        return start, fetch_wrapped(self.reference, self.chrom, start, end)


@dataclass(frozen=True)
class _Estimate:
    """Estimates for one strand's window, on the plus strand."""

    start: int
    bases: str
    slopes: Slopes

    def score(self, variant: Variant, length: int) -> tuple[float, float | None]:
        """The llr and its downstream part, in nats; `length` is the contig's."""
        column = (variant.start - self.start) % length
        row = ACGT.index(variant.alt)
        llr = float(self.slopes.total[row, column])
        return llr, None if self.slopes.own is None else llr - float(self.slopes.own[row, column])


def estimate_variants(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    variants: Iterable[Variant],
    *,
    method: GradientMethod = "gradient",
    width: int,
    strands: Strands = "both",
    circular: Collection[str] = (),
    window_slack: int,
    batch_tokens: int | Budget | None = None,
    steps: int = 32,
) -> Iterator[VariantScore]:
    """Yield an estimate of the score of each substitution, in order; fast where neighbours come together.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        reference: The genome.
        variants: Single-base substitutions on contigs as `reference` names them.
        method: See `slopes`.
        width: Window in bp.
        strands: `both` averages the two reading directions.
        circular: Contigs to read across their ends; a 16,569-bp mitochondrion always is.
        window_slack: How far from the middle of its window a variant may lie, in bp.
        batch_tokens: Most tokens run together, halved when memory runs out; None is what suits the device.
        steps: Points on the path of integrated gradients.

    Raises:
        InputError: A variant is no substitution of one base, or the model has no gradient.
        ReferenceMismatchError: A REF differs from the reference.
    """
    adapter = OneHotAdapter(model, tokenizer)
    budget = Budget.of(batch_tokens or usual_batch_tokens(model))
    directions: tuple[Strand, ...] = ("+", "-") if strands == "both" else ("+",)
    size = max(1, 2 * window_slack)
    for (chrom, number), group in groupby(variants, lambda v: (v.chrom, v.start // size)):
        length = contig_length(reference, chrom)
        wrapped = chrom in circular or is_rcrs(chrom, length)
        tile = Tile(reference, chrom, number * size + window_slack, width, wrapped)
        estimates = []
        for strand in directions:
            start, bases = tile.read(strand)
            read = bases if strand == "+" else reverse_complement(bases)
            found = budget.run(
                lambda tokens, read=read: slopes(
                    adapter, read, method=method, steps=steps, batch_tokens=tokens
                )
            )
            found = found if strand == "+" else found.reverse_complemented()
            estimates.append(_Estimate(start, bases, found.differences(bases)))
        for variant in group:
            yield _scored(variant, estimates, length, reference)


def _scored(variant: Variant, estimates: list[_Estimate], length: int, reference: Reference) -> VariantScore:
    """The mean of the strands, if their windows are at least half A, C, G and T."""
    _require_substitution(variant, estimates[0], length, reference)
    if any(2 * count_acgt(estimate.bases) < len(estimate.bases) for estimate in estimates):
        return VariantScore(variant, None, None, AlleleStatus.N_WINDOW)
    llrs, flanks = zip(*(estimate.score(variant, length) for estimate in estimates), strict=True)
    flank = None if None in flanks else sum(flanks) / len(flanks)
    return VariantScore(variant, sum(llrs) / len(llrs), flank, None)


def _require_substitution(variant: Variant, estimate: _Estimate, length: int, reference: Reference) -> None:
    place = f"{variant.chrom}:{variant.pos}"
    if len(variant.ref) != 1 or len(variant.alt) != 1 or variant.alt not in ACGT:
        raise InputError(f"{variant.ref}>{variant.alt} at {place} is no substitution of one base by another")
    found = estimate.bases[(variant.start - estimate.start) % length]
    if found != variant.ref:
        raise ReferenceMismatchError(
            f"REF differs from {reference.name} at {place}: expected {variant.ref}, found {found}"
        )
