"""How much of the bases behind an allele is read, and what reading less of them may cost.

The further a base lies behind the allele, the less the alleles' log-probabilities of it differ, in a model
whose memory fades. Where not all are read, the score misses the sum of the differences d that were not seen.
Their signs change from base to base, so they add up like the steps of a walk: with m bases left, the sum has
a standard deviation of about √m · r, where r is their root mean square. The estimate takes r from the later
half of what was read, as if nothing faded any more, and is three times that.

It is an estimate and no bound: a repeat of the allele's surroundings far behind it, or an expert that is
chosen by a hair, shows in nothing that comes before. `bench/adaptive.py` measures how often it holds.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64

from cistron.errors import InputError

Suffix = Literal["exact", "auto"] | int
"""All bases behind the allele, as many as the tolerance takes, or so many."""

TOLERANCE: Final = 0.02
"""Nats that `auto` may miss on a strand, by the estimate."""

_DEVIATIONS: Final = 3


def checked_suffix(suffix: str | int) -> Suffix:
    """`suffix`, where there is such a rule.

    Raises:
        InputError: It is neither `exact`, `auto` nor a positive number.
    """
    match suffix:
        case "exact" | "auto":
            return suffix
        case int() if suffix >= 1:
            return suffix
    raise InputError(f"suffix {suffix!r}: give exact, auto or a positive number of bases behind the allele")


def missing(differences: Float64[np.ndarray, "S"], left: int) -> float:
    """How far the sum of the differences that were not read is from 0, in nats, as estimated above.

    Args:
        differences: Of log-probabilities, alternative − reference, at the bases read behind the alleles; NaN
            where a base is not scored.
        left: Bases behind them that were not read.

    Returns:
        0 where none is left, infinity where none was scored.
    """
    if not left:
        return 0.0
    read = differences[np.isfinite(differences)]
    if not len(read):
        return math.inf
    return _DEVIATIONS * math.sqrt(left * float(np.mean(read[len(read) // 2 :] ** 2)))
