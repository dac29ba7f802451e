"""Scores of alleles, each on one strand, from windows that share what they can."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cistron.genome.windows import AlleleWindow
from cistron.inference.scoring.branches import score_branches
from cistron.inference.scoring.suffix import Suffix, missing
from cistron.inference.scoring.trunks import Branch, Trunk
from cistron.models import Model
from cistron.tokenizers import Tokenizer


class StrandScore(NamedTuple):
    """Score of one allele on one strand, in nats.

    Attributes:
        llr: Log-likelihood ratio ALT − REF.
        flank: The part of it that comes from the downstream bases alone.
        error: How far downstream bases that were not read may move it, as estimated; 0 where all were.
    """

    llr: float
    flank: float
    error: float


def score_windows(
    model: Model,
    tokenizer: Tokenizer,
    windows: Sequence[AlleleWindow],
    *,
    neutral: bool,
    batch_tokens: int,
    suffix: Suffix = "exact",
) -> list[StrandScore | None]:
    """Score every window, in order; None where nothing of it can be scored.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        windows: What to read; those of one origin share what is read.
        neutral: Correct for unequal length by the reference window's mean log-probability per base.
        batch_tokens: Most tokens run together.
        suffix: How much of the downstream bases is read.
    """
    results = [_unchanged(window, tokenizer) for window in windows]
    shared = _share(windows, neutral, suffix if isinstance(suffix, int) else None)
    for found in score_branches(
        model,
        tokenizer,
        [group.trunk for group in shared],
        batch_tokens=batch_tokens,
        adaptive=suffix == "auto",
    ):
        for number in shared[found.trunk].windows[found.branch]:
            results[number] = strand_score(windows[number], found.reference, found.scores, neutral=neutral)
    return results


def _unchanged(window: AlleleWindow, tokenizer: Tokenizer) -> StrandScore | None:
    """Exactly 0 for an allele that changes nothing, which needs no reading."""
    if _changes(window):
        return None
    ids = tokenizer.encode(window.ref_sequence)[max(1, len(window.upstream)) :]
    return None if np.isin(ids, list(tokenizer.unscored_ids)).all() else StrandScore(0.0, 0.0, 0.0)


def _changes(window: AlleleWindow) -> bool:
    return window.ref != window.alt or window.downstream_ref != window.downstream_alt


class _Shared(NamedTuple):
    """A trunk, and for each of its branches the numbers of the windows that it answers for."""

    trunk: Trunk
    windows: list[list[int]]


def _share(windows: Sequence[AlleleWindow], neutral: bool, most: int | None) -> list[_Shared]:
    """Windows of one strand and origin as branches of one trunk: the longest reference text of them.

    Args:
        windows: What to read.
        neutral: Whether alleles of unequal length need their whole reference window.
        most: Downstream bases to read; all of them when None.
    """
    groups: dict[object, list[_Branched]] = {}
    for number, window in enumerate(windows):
        if _changes(window):
            branched = _branched(number, window, neutral, most)
            groups.setdefault((window.strand, *window.origin), []).append(branched)
    return [shared for group in groups.values() for shared in _trunks(group)]


class _Branched(NamedTuple):
    """A window, by its number, as a branch, and how much of the reference is to be read and scored for it."""

    window: int
    branch: Branch
    reference: str
    whole: bool


def _branched(number: int, window: AlleleWindow, neutral: bool, most: int | None) -> _Branched:
    start = len(window.upstream)
    # Haplotypes that end with different bases can only be compared whole.
    whole = window.downstream_ref != window.downstream_alt
    downstream = window.downstream_alt if whole else window.downstream_alt[:most]
    text, back = window.alt + downstream, start + len(window.ref)
    needs_mean = neutral and len(window.ref) != len(window.alt)
    reference = window.ref_sequence
    if not (whole or needs_mean):
        reference = reference[: back + len(downstream)]
    return _Branched(number, Branch(start, text, len(window.alt), back, whole), reference, needs_mean)


def _trunks(group: list[_Branched]) -> list[_Shared]:
    """More than one trunk where alleles spell an ambiguous base of the reference differently."""
    apart: dict[str, list[_Branched]] = {}
    for each in sorted(group, key=lambda each: -len(each.reference)):
        trunk = next((trunk for trunk in apart if trunk.startswith(each.reference)), each.reference)
        apart.setdefault(trunk, []).append(each)
    return [_shared(trunk, some) for trunk, some in apart.items()]


def _shared(trunk: str, some: list[_Branched]) -> _Shared:
    windows: dict[Branch, list[int]] = {}
    for each in some:
        windows.setdefault(each.branch, []).append(each.window)
    branches = sorted(windows, key=lambda branch: (branch.start, len(branch.text), branch.text, branch.back))
    whole = any(each.whole for each in some)
    return _Shared(Trunk(trunk, tuple(branches), whole), [windows[branch] for branch in branches])


def strand_score(
    window: AlleleWindow,
    reference: Float64[np.ndarray, "T"],
    alt: Float64[np.ndarray, "A"],
    *,
    neutral: bool,
) -> StrandScore | None:
    """Score of one allele from per-token log-probabilities; None when nothing could be scored.

    A haplotype that ends with the contig may have nothing behind its upstream bases; its log-probability is
    then 0. Downstream bases are compared one by one before they are added up, in float64, so that the small
    difference of two large sums keeps its digits.

    Args:
        window: What the score is of.
        reference: Of a sequence that begins with the reference window; NaN where unscored.
        alt: Of alternative allele and downstream bases, as far as they were read; NaN where unscored.
        neutral: Correct for unequal length by the reference window's mean log-probability per base.
    """
    start = len(window.upstream)
    unread = len(window.alt) + len(window.downstream_alt) - len(alt)
    end = len(window.ref_sequence) - unread
    ref_allele, ref_flank = np.split(reference[start:end], [len(window.ref)])
    alt_allele, alt_flank = np.split(alt, [len(window.alt)])
    if not np.isfinite(np.concatenate((ref_allele, ref_flank, alt))).any():
        return None
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
        whole = reference[: len(window.ref_sequence)]
        if not np.isfinite(whole).any():
            return None
        llr -= (len(window.alt) - len(window.ref)) * float(np.nanmean(whole))
    return StrandScore(llr, flank, missing(difference, unread))
