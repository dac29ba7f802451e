"""What does every substitution of a region do? In-silico saturation mutagenesis.

All three single-base substitutions at every position, scored exactly (`ism`) or estimated from gradients
(`attribution.py`); either way one `VariantScore` each, in order. `mutation_map.py` gathers them for figures.
See `docs/design/interpretation.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Literal, TypedDict, get_args

from cistron.errors import InputError
from cistron.genome import Interval, Reference, Variant
from cistron.genome.sequence import ACGT, count_acgt
from cistron.genome.splits import parse_region
from cistron.genome.windows import checked_slack
from cistron.inference.interpretation.attribution import estimate_variants
from cistron.inference.planning.budget import Budget
from cistron.inference.score import Strands, VariantScore, checked_width, score_variants
from cistron.inference.scoring.suffix import Suffix
from cistron.models import Model
from cistron.tokenizers import Tokenizer

Method = Literal["ism", "gradient", "integrated-gradients"]
METHODS: tuple[Method, ...] = get_args(Method)

STEPS = 32
"""Points on the path of integrated gradients."""

_FETCHED = 1 << 14
"""Bases read from the reference at a time."""


class MutateOptions(TypedDict, total=False):
    """Keyword arguments of `mutate`."""

    method: Method
    deletions: bool
    width: int | None
    strands: Strands
    circular: Collection[str]
    window_slack: int | None
    suffix: Suffix
    batch_tokens: int | Budget | None
    steps: int
    skip: int


def mutate(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    region: str | Interval | Iterable[Interval],
    *,
    method: Method = "ism",
    deletions: bool = False,
    width: int | None = None,
    strands: Strands = "both",
    circular: Collection[str] = (),
    window_slack: int | None = None,
    suffix: Suffix = "exact",
    batch_tokens: int | Budget | None = None,
    steps: int = STEPS,
    skip: int = 0,
) -> Iterator[VariantScore]:
    """Yield the score of every substitution of a region, in order of position and then of base.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        reference: The genome.
        region: What to mutate: `CHROM:START-END` (1-based, both ends included), or intervals on contigs as
            `reference` names them.
        method: `ism` scores every substitution as `score_variants` does. `gradient` estimates all of a window
            from one pass forward and back, to first order; `integrated-gradients` averages that over a path
            from uniform bases to the sequence. The estimates have the unit and sign of the score.
        deletions: Also delete each base; only with `ism`.
        width: Window in bp; the model's recommended width when None.
        strands: `both` averages the two reading directions.
        circular: Contigs to read across their ends; a 16,569-bp mitochondrion always is.
        window_slack: How far from a window's middle a variant may lie, in bp, so that neighbours share the
            window; 0 centres a window on each; a quarter of the width when None.
        suffix: Bases that `ism` reads behind a change; see `score_variants`.
        batch_tokens: Most tokens run together, halved when memory runs out; None is what suits the device.
        steps: Points on the path of integrated gradients.
        skip: Scores at the beginning that are not wanted; the others are the same as without.

    Raises:
        InputError: The method does not exist or cannot do what was asked, or the model has no gradient.
        WindowError: `width` exceeds the model's context, or the slack leaves too little of a window.
    """
    if method not in METHODS:
        raise InputError(f"method '{method}' is not one of {', '.join(METHODS)}")
    if deletions and method != "ism":
        raise InputError(f"method '{method}' estimates substitutions alone; use method 'ism' for deletions")
    if suffix != "exact" and method != "ism":
        raise InputError(f"method '{method}' reads whole windows; a suffix goes with method 'ism'")
    width = checked_width(model, width)
    slack = shared_slack(width, window_slack)
    wanted = islice(saturation(reference, intervals_of(region, reference), deletions=deletions), skip, None)
    if method == "ism":
        return score_variants(
            model,
            tokenizer,
            reference,
            wanted,
            width=width,
            strands=strands,
            circular=circular,
            window_slack=slack,
            suffix=suffix,
            batch_tokens=batch_tokens,
        )
    return estimate_variants(
        model,
        tokenizer,
        reference,
        wanted,
        method=method,
        width=width,
        strands=strands,
        circular=circular,
        window_slack=slack,
        batch_tokens=batch_tokens,
        steps=steps,
    )


def intervals_of(region: str | Interval | Iterable[Interval], reference: Reference) -> Iterable[Interval]:
    """The intervals that a caller means, who may write a region as samtools does.

    Raises:
        InputError: The text is no region.
        UnknownContigError: Its contig is not in `reference`.
    """
    if isinstance(region, str):
        return [parse_region(region, reference.contigs)]
    return [region] if isinstance(region, Interval) else region


def shared_slack(width: int, slack: int | None = None) -> int:
    """How far from its window's middle a change may lie, in bp; a quarter of the width when None.

    Raises:
        WindowError: A change would have less than a quarter of the window on one side.
    """
    return width // 4 if slack is None else checked_slack(slack, width)


def saturation(
    reference: Reference, intervals: Iterable[Interval], *, deletions: bool = False
) -> Iterator[Variant]:
    """Yield every substitution of every A, C, G and T, and perhaps its deletion; nothing for other letters.

    Args:
        reference: The genome.
        intervals: On contigs as `reference` names them.
        deletions: Also delete each base, spelled with the base before it as VCF does.

    Raises:
        UnknownContigError: A contig is not in `reference`.
        OutOfBoundsError: An interval reaches beyond its contig.
    """
    for interval in intervals:
        for start in range(interval.start, interval.end, _FETCHED):
            end = min(start + _FETCHED, interval.end)
            for offset, base in enumerate(reference.fetch(interval.chrom, start, end)):
                if base in ACGT:
                    pos = start + offset + 1
                    yield from (Variant(interval.chrom, pos, base, alt) for alt in ACGT if alt != base)
                    if deletions:
                        yield _deletion(reference, interval.chrom, pos)


def count_changes(reference: Reference, intervals: Iterable[Interval], *, deletions: bool = False) -> int:
    """How many changes `saturation` yields for the same arguments."""
    bases = 0
    for interval in intervals:
        for start in range(interval.start, interval.end, _FETCHED):
            bases += count_acgt(reference.fetch(interval.chrom, start, min(start + _FETCHED, interval.end)))
    return bases * (4 if deletions else 3)


def _deletion(reference: Reference, chrom: str, pos: int) -> Variant:
    """Of the base at the 1-based `pos`; the first of a contig is spelled with the base behind it."""
    if pos == 1:
        ref = reference.fetch(chrom, 0, 2)
        return Variant(chrom, 1, ref, ref[1:])
    ref = reference.fetch(chrom, pos - 2, pos)
    return Variant(chrom, pos - 1, ref, ref[0])
