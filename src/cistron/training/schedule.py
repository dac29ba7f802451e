"""Learning-rate schedules: functions of the share of training that is done."""

from __future__ import annotations

import math


def cosine(step: int, total: int, *, warmup: int, peak: float, final_share: float) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine down to `final_share · peak`.

    Args:
        step: 0-based.
        total: Steps of the whole run.
        warmup: Steps until the peak.
        peak: Highest rate.
        final_share: Rate over the peak that the cosine comes down to, one step behind the last.

    Source: Loshchilov & Hutter 2016 (arXiv 1608.03983).
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(total - warmup, 1)
    return peak * (final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
