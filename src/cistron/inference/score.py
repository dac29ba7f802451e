"""How plausible is each variant? Log-likelihood ratios of alternative against reference alleles.

For each strand, with *P* the model's probability of allele and downstream bases given the upstream bases,

    llr = log P(alt) − log P(ref) − (|alt| − |ref|) · h

in nats, where *h* is the reference window's mean log-probability per scored base. Negative means: less
plausible than the reference. See `docs/design/variant-score.md`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple, TypedDict

import numpy as np
from jaxtyping import Float64

from cistron.errors import ReferenceMismatchError, WindowError
from cistron.genome import Reference, Strand, Variant
from cistron.genome.alleles import Allele, AlleleStatus, RefMismatch, check_ref, classify, trim
from cistron.genome.contigs import ContigNames, is_rcrs, recognise_build
from cistron.genome.windows import AlleleWindow, IndelRule, allele_window
from cistron.inference.haplotypes import Continuations, Scored, score_continuations
from cistron.models import Model
from cistron.tokenizers import Tokenizer

Strands = Literal["both", "forward"]
RefPolicy = Literal["error", "warn"]

BLOCK = 128
"""Variants that are batched together. A constant, so that what runs together depends on the variant's number
alone and a resumed run repeats the very same batches."""


class VariantScore(NamedTuple):
    """The score of one alternative allele.

    Attributes:
        variant: The allele, as given.
        llr: Log-likelihood ratio ALT − REF in nats, mean over the strands read; None without a score.
        flank: The part of it that comes from the downstream bases alone.
        status: Why there is no score; None when there is one.
    """

    variant: Variant
    llr: float | None
    flank: float | None
    status: AlleleStatus | None


class StrandScore(NamedTuple):
    """Score of one allele on one strand, in nats."""

    llr: float
    flank: float


class ScoreOptions(TypedDict, total=False):
    """Keyword arguments of `score_variants`."""

    width: int | None
    strands: Strands
    indel: IndelRule
    circular: Collection[str]
    check_ref: RefPolicy
    lengths: Mapping[str, int | None] | None
    batch_tokens: int


@dataclass(frozen=True)
class ScoreSettings:
    """What a score depends on besides model, reference and variant.

    Attributes:
        width: Window in bp.
        strands: Read both and average, or the forward strand alone.
        indel: How windows of indels are cut.
        circular: Contigs (as the reference names them) that are read across their ends.
        check_ref: `error` stops at a REF that differs from the reference, `warn` leaves it unscored.
        lengths: Contig lengths that the variants' file states, for recognising a mitochondrion.
    """

    width: int
    strands: Strands = "both"
    indel: IndelRule = "neutral"
    circular: Collection[str] = ()
    check_ref: RefPolicy = "error"
    lengths: Mapping[str, int | None] | None = None


def score_variants(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    variants: Iterable[Variant],
    *,
    width: int | None = None,
    strands: Strands = "both",
    indel: IndelRule = "neutral",
    circular: Collection[str] = (),
    check_ref: RefPolicy = "error",
    lengths: Mapping[str, int | None] | None = None,
    batch_tokens: int = 16_384,
) -> Iterator[VariantScore]:
    """Yield a score for each variant, in order, reading `BLOCK` of them ahead.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        reference: Genome the variants were called on.
        variants: One alternative allele each; need not be sorted.
        width: Window in bp; the model's recommended width when None.
        strands: `both` averages the two reading directions.
        indel: `neutral` (same downstream bases, length-corrected) or `equal-tokens` (the published rule).
        circular: Contigs to read across their ends; a 16,569-bp mitochondrion always is.
        check_ref: `error` raises at a REF that differs from the reference, `warn` gives it a status.
        lengths: Contig lengths stated by the variants' own file.
        batch_tokens: Most tokens run together; changes speed and memory, not scores.

    Raises:
        WindowError: `width` exceeds the model's context.
        ReferenceMismatchError: Under `check_ref="error"`.
    """
    settings = ScoreSettings(checked_width(model, width), strands, indel, circular, check_ref, lengths)
    planner = _Planner(reference, settings)
    remaining = iter(variants)
    while block := list(islice(remaining, BLOCK)):
        yield from _score_block(model, tokenizer, planner, block, batch_tokens)


def checked_width(model: Model, width: int | None) -> int:
    """`width`, or the model's recommended one.

    Raises:
        WindowError: It exceeds the model's context or is too small to hold an allele.
    """
    width = model.config.width if width is None else width
    longest = model.config.context_length
    if width > longest:
        raise WindowError(
            f"a window of {width:,} bp exceeds the model's context; the largest width is {longest:,}"
        )
    if width < 8:
        raise WindowError(f"a window of {width} bp is too small to compare alleles in; use 8 or more")
    return width


@dataclass
class _Planner:
    """From a variant to the windows to read, or to the reason why not."""

    reference: Reference
    settings: ScoreSettings

    @cached_property
    def _names(self) -> ContigNames:
        return ContigNames(self.reference.contigs)

    def plan(self, variant: Variant) -> list[AlleleWindow] | AlleleStatus:
        """One window per strand, or why the allele has no score."""
        chrom = self._names.resolve(variant.chrom, (self.settings.lengths or {}).get(variant.chrom))
        if chrom is None:
            return AlleleStatus.CONTIG_UNKNOWN
        mismatch = check_ref(variant, self.reference, chrom)
        if mismatch is not None:
            if self.settings.check_ref == "error":
                raise ReferenceMismatchError(self._explain(variant, mismatch))
            return AlleleStatus.REF_MISMATCH
        status = classify(variant)
        if status is not None:
            return status
        windows = []
        for strand in self._strands:
            window = self._window(trim(variant, chrom), strand)
            if isinstance(window, AlleleStatus):
                return window
            windows.append(window)
        return windows

    @cached_property
    def _strands(self) -> tuple[Strand, ...]:
        return ("+", "-") if self.settings.strands == "both" else ("+",)

    def _window(self, allele: Allele, strand: Strand) -> AlleleWindow | AlleleStatus:
        chrom = allele.chrom
        circular = chrom in self.settings.circular or is_rcrs(chrom, self.reference.contigs[chrom])
        return allele_window(
            self.reference, allele, self.settings.width, strand, indel=self.settings.indel, circular=circular
        )

    def _explain(self, variant: Variant, mismatch: RefMismatch) -> str:
        name, build = self.reference.name, recognise_build(self.reference.contigs)
        return f"REF differs from {name} at {variant.chrom}:{variant.pos}: {mismatch}; " + (
            f"{name} is {build}, were the variants called on another build?"
            if build
            else "is this the reference the variants were called on?"
        )


def _score_block(
    model: Model,
    tokenizer: Tokenizer,
    planner: _Planner,
    block: list[Variant],
    batch_tokens: int,
) -> Iterator[VariantScore]:
    plans = [planner.plan(variant) for variant in block]
    windows = [window for plan in plans if not isinstance(plan, AlleleStatus) for window in plan]
    shared = _SharedWindows(windows)
    scored = score_continuations(model, tokenizer, shared.jobs, batch_tokens=batch_tokens)
    neutral = planner.settings.indel == "neutral"
    for variant, plan in zip(block, plans, strict=True):
        if isinstance(plan, AlleleStatus):
            yield VariantScore(variant, None, None, plan)
            continue
        by_strand = [strand_score(window, *shared.answer(window, scored), neutral=neutral) for window in plan]
        found = [score for score in by_strand if score is not None]
        if not found:
            yield VariantScore(variant, None, None, AlleleStatus.N_WINDOW)
            continue
        llr = math.fsum(score.llr for score in found) / len(found)
        flank = math.fsum(score.flank for score in found) / len(found)
        yield VariantScore(variant, llr, flank, None)


class _SharedWindows:
    """What the windows of a block share: each upstream text is run once, each haplotype once behind it."""

    def __init__(self, windows: Iterable[AlleleWindow]) -> None:
        texts: dict[str, dict[str, None]] = {}
        needs_mean: set[str] = set()
        for window in windows:
            after = texts.setdefault(window.upstream, {})
            after[window.ref + window.downstream_ref] = None
            after[window.alt + window.downstream_alt] = None
            if len(window.ref) != len(window.alt):
                needs_mean.add(window.upstream)
        self.jobs = [
            Continuations(upstream, tuple(after), score_prefix=upstream in needs_mean)
            for upstream, after in texts.items()
        ]
        self._index = {job.prefix: number for number, job in enumerate(self.jobs)}

    def answer(
        self, window: AlleleWindow, scored: list[Scored]
    ) -> tuple[Float64[np.ndarray, "P"], Float64[np.ndarray, "R"], Float64[np.ndarray, "A"]]:
        """Log-probabilities of upstream, reference and alternative continuation of `window`."""
        number = self._index[window.upstream]
        texts = self.jobs[number].texts
        found = scored[number]
        ref = found.texts[texts.index(window.ref + window.downstream_ref)]
        alt = found.texts[texts.index(window.alt + window.downstream_alt)]
        return found.prefix, ref, alt


def strand_score(
    window: AlleleWindow,
    upstream: Float64[np.ndarray, "P"],
    ref: Float64[np.ndarray, "R"],
    alt: Float64[np.ndarray, "A"],
    *,
    neutral: bool,
) -> StrandScore | None:
    """Score of one allele from per-token log-probabilities; None when nothing could be scored.

    A haplotype that ends with the contig may have nothing behind `upstream`; its log-probability is then 0.

    Downstream bases are compared one by one before they are added up, in float64, so that the small
    difference of two large sums keeps its digits.

    Args:
        window: What was read.
        upstream: Of the upstream bases; only used for alleles of unequal length.
        ref: Of reference allele and downstream bases; NaN where unscored.
        alt: Of alternative allele and downstream bases.
        neutral: Correct for unequal length by the reference window's mean log-probability per base.
    """
    if not np.isfinite(np.concatenate((ref, alt))).any():
        return None
    ref_allele, ref_flank = np.split(ref, [len(window.ref)])
    alt_allele, alt_flank = np.split(alt, [len(window.alt)])
    common = min(len(ref_flank), len(alt_flank))
    difference = alt_flank[:common] - ref_flank[:common]
    both = np.isfinite(difference)
    flank = math.fsum(difference[both])
    # Scored on one side only: bases that the other haplotype does not read, and the first of a window.
    alone = [
        *alt_flank[:common][~both],
        *alt_flank[common:],
        *alt_allele,
        *-ref_flank[:common][~both],
        *-ref_flank[common:],
        *-ref_allele,
    ]
    llr = flank + math.fsum(value for value in alone if math.isfinite(value))
    if neutral and len(window.alt) != len(window.ref):
        whole = np.concatenate((upstream, ref))
        if not np.isfinite(whole).any():
            return None
        llr -= (len(window.alt) - len(window.ref)) * float(np.nanmean(whole))
    return StrandScore(llr, flank)
