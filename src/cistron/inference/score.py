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
from typing import Final, Literal, NamedTuple, TypedDict

from cistron.errors import ReferenceMismatchError, WindowError
from cistron.genome import Reference, Strand, Variant
from cistron.genome.alleles import Allele, AlleleStatus, RefMismatch, check_ref, classify, trim
from cistron.genome.contigs import ContigNames, is_rcrs, recognise_build
from cistron.genome.windows import AlleleWindow, IndelRule, allele_window, checked_slack
from cistron.inference.scoring.strand_scores import StrandScore, score_windows
from cistron.inference.scoring.suffix import Suffix, checked_suffix
from cistron.models import Model
from cistron.tokenizers import Tokenizer

Strands = Literal["both", "forward"]
RefPolicy = Literal["error", "warn"]

BLOCK = 128
"""Variants that are batched together. A constant, so that what runs together depends on the variant's number
alone and a resumed run repeats the very same batches."""

_BATCH_TOKENS: Final = 4096


class VariantScore(NamedTuple):
    """The score of one alternative allele.

    Attributes:
        variant: The allele, as given.
        llr: Log-likelihood ratio ALT − REF in nats, mean over the strands read; None without a score.
        flank: The part of it that comes from the downstream bases alone.
        status: Why there is no score; None when there is one.
        error: How far `llr` may be from the exact one, as estimated, in nats; 0 where all bases were read.
    """

    variant: Variant
    llr: float | None
    flank: float | None
    status: AlleleStatus | None
    error: float | None = None


class ScoreOptions(TypedDict, total=False):
    """Keyword arguments of `score_variants`."""

    width: int | None
    strands: Strands
    indel: IndelRule
    circular: Collection[str]
    check_ref: RefPolicy
    lengths: Mapping[str, int | None] | None
    window_slack: int
    suffix: Suffix
    batch_tokens: int | None


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
        window_slack: How far from its window's middle a variant may lie, in bp.
    """

    width: int
    strands: Strands = "both"
    indel: IndelRule = "neutral"
    circular: Collection[str] = ()
    check_ref: RefPolicy = "error"
    lengths: Mapping[str, int | None] | None = None
    window_slack: int = 0


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
    window_slack: int = 0,
    suffix: Suffix = "exact",
    batch_tokens: int | None = None,
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
        window_slack: How far from its window's middle a variant may lie, in bp, so that neighbours share a
            window of a grid; 0 centres every window on its variant.
        suffix: `exact` reads all bases behind an allele; `auto` stops where the rest is estimated to matter
            less than 0.02 nats on a strand; a number reads so many.
        batch_tokens: Most tokens run together; changes speed and memory, not scores. None is what suits the
            device.

    Raises:
        WindowError: `width` exceeds the model's context, or the slack a quarter of it.
        InputError: There is no such `suffix`.
        ReferenceMismatchError: Under `check_ref="error"`.
    """
    width = checked_width(model, width)
    slack, suffix = checked_slack(window_slack, width), checked_suffix(suffix)
    settings = ScoreSettings(width, strands, indel, circular, check_ref, lengths, slack)
    planner = _Planner(reference, settings)
    batch_tokens = batch_tokens or usual_batch_tokens(model)
    remaining = iter(variants)
    while block := list(islice(remaining, BLOCK)):
        yield from _score_block(model, tokenizer, planner, block, batch_tokens, suffix)


def usual_batch_tokens(model: Model) -> int:
    """Most tokens to run together on the model's device when nobody said.

    A core's cache holds what a few thousand tokens need between two products; a GPU wants as many as it gets.
    """
    return _BATCH_TOKENS if model.empty_state(1).lengths.device.type == "cpu" else 8 * _BATCH_TOKENS


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
            self.reference,
            allele,
            self.settings.width,
            strand,
            indel=self.settings.indel,
            circular=circular,
            slack=self.settings.window_slack,
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
    suffix: Suffix,
) -> Iterator[VariantScore]:
    plans = [planner.plan(variant) for variant in block]
    found = iter(
        score_windows(
            model,
            tokenizer,
            [window for plan in plans if not isinstance(plan, AlleleStatus) for window in plan],
            neutral=planner.settings.indel == "neutral",
            batch_tokens=batch_tokens,
            suffix=suffix,
        )
    )
    for variant, plan in zip(block, plans, strict=True):
        if isinstance(plan, AlleleStatus):
            yield VariantScore(variant, None, None, plan)
        else:
            yield _combined(variant, list(islice(found, len(plan))))


def _combined(variant: Variant, strands: list[StrandScore | None]) -> VariantScore:
    """The mean over the strands that could be scored."""
    found = [score for score in strands if score is not None]
    if not found:
        return VariantScore(variant, None, None, AlleleStatus.N_WINDOW)
    llr, flank, error = (math.fsum(values) / len(found) for values in zip(*found, strict=True))
    return VariantScore(variant, llr, flank, None, error)
