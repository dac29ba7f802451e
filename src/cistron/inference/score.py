"""How plausible is each variant? Log-likelihood ratios of alternative against reference alleles.

For each strand, with *P* the model's probability of allele and downstream bases given the upstream bases,

    llr = log P(alt) − log P(ref) − (|alt| − |ref|) · h

in nats, where *h* is the reference window's mean log-probability per scored base. Negative means: less
plausible than the reference. See `docs/design/variant-score.md`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple, TypedDict

from cistron.errors import WindowError
from cistron.genome import Reference, Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.windows import IndelRule, checked_slack
from cistron.inference.planning.budget import Budget
from cistron.inference.scoring.allele_windows import AlleleWindows, RefPolicy, Strands
from cistron.inference.scoring.strand_scores import StrandScore, score_windows
from cistron.inference.scoring.suffix import Suffix, checked_suffix
from cistron.models import Model, longer_sizes
from cistron.tokenizers import Tokenizer

__all__ = [
    "BLOCK",
    "RefPolicy",
    "ScoreOptions",
    "Strands",
    "VariantScore",
    "batch_tokens_on",
    "checked_width",
    "score_variants",
    "usual_batch_tokens",
]

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
    batch_tokens: int | Budget | None


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
    batch_tokens: int | Budget | None = None,
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
        batch_tokens: Most tokens run together, halved when memory runs out; changes speed and memory, not
            scores. None is what suits the device.

    Raises:
        WindowError: `width` exceeds the model's context, or the slack a quarter of it.
        InputError: There is no such `suffix`.
        ReferenceMismatchError: Under `check_ref="error"`.
    """
    width, suffix = checked_width(model, width), checked_suffix(suffix)
    slack = checked_slack(window_slack, width)
    windows = AlleleWindows(reference, width, strands, indel, circular, check_ref, lengths, slack)
    budget = Budget.of(batch_tokens or usual_batch_tokens(model))
    remaining = iter(variants)
    while block := list(islice(remaining, BLOCK)):
        yield from budget.run(
            lambda size, block=block: _score_block(model, tokenizer, windows, block, size, suffix)
        )


def usual_batch_tokens(model: Model) -> int:
    """Most tokens to run together on the model's device when nobody said.

    A core's cache holds what a few thousand tokens need between two products; a GPU wants as many as it gets.
    """
    return batch_tokens_on(model.empty_state(1).lengths.device.type)


def batch_tokens_on(device: str) -> int:
    """Most tokens to run together on a device of that type, such as `cpu`, when nobody said."""
    return _BATCH_TOKENS if device == "cpu" else 8 * _BATCH_TOKENS


def checked_width(model: Model, width: int | None) -> int:
    """`width`, or the model's recommended one.

    Raises:
        WindowError: It exceeds the model's context or is too small to hold an allele.
    """
    width = model.config.width if width is None else width
    longest = model.config.context_length
    if width > longest:
        longer = longer_sizes(model.config, width)
        advice = f"; models that read as much: {', '.join(longer)}" if longer else ""
        raise WindowError(
            f"a window of {width:,} bp exceeds the model's context; the largest width is {longest:,}{advice}"
        )
    if width < 8:
        raise WindowError(f"a window of {width} bp is too small to compare alleles in; use 8 or more")
    return width


def _score_block(
    model: Model,
    tokenizer: Tokenizer,
    windows: AlleleWindows,
    block: list[Variant],
    batch_tokens: int,
    suffix: Suffix,
) -> list[VariantScore]:
    plans = [windows.of(variant) for variant in block]
    found = iter(
        score_windows(
            model,
            tokenizer,
            [window for plan in plans if not isinstance(plan, AlleleStatus) for window in plan],
            neutral=windows.indel == "neutral",
            batch_tokens=batch_tokens,
            suffix=suffix,
        )
    )
    return [
        VariantScore(variant, None, None, plan)
        if isinstance(plan, AlleleStatus)
        else _combined(variant, list(islice(found, len(plan))))
        for variant, plan in zip(block, plans, strict=True)
    ]


def _combined(variant: Variant, strands: list[StrandScore | None]) -> VariantScore:
    """The mean over the strands that could be scored."""
    found = [score for score in strands if score is not None]
    if not found:
        return VariantScore(variant, None, None, AlleleStatus.N_WINDOW)
    llr, flank, error = (math.fsum(values) / len(found) for values in zip(*found, strict=True))
    return VariantScore(variant, llr, flank, None, error)
