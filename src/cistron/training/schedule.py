"""Learning-rate schedules: the share of the peak rate at every step of a run."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[..., float]
"""Step (0-based), steps in all, warm-up steps, final share, perhaps decay share → share of the peak rate."""


def cosine(step: int, total: int, warmup: int, final_share: float, decay_share: float = 1.0) -> float:
    """Linear warm-up, then half a cosine down to `final_share`, which the last step of the decay has.

    Args:
        step: 0-based.
        total: Steps of the whole run.
        warmup: Steps until the peak.
        final_share: Rate over the peak from the end of the decay on.
        decay_share: Share of the run, warm-up included, at whose end the decay ends.

    Source: Loshchilov & Hutter 2016 (arXiv 1608.03983).
    """
    if step < warmup:
        return (step + 1) / warmup
    last = max(round(decay_share * total), 1) - 1
    done = min((step - warmup) / max(last - warmup, 1), 1.0)
    return final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * done))


def warmup_stable_decay(
    step: int, total: int, warmup: int, final_share: float, decay_share: float = 0.2
) -> float:
    """Linear warm-up, the peak, and at the end of the run a decay to `final_share` along 1 − √t.

    Args:
        step: 0-based.
        total: Steps of the whole run.
        warmup: Steps until the peak.
        final_share: Rate over the peak at the last step.
        decay_share: Share of the run that the decay takes.

    Source: Hägele et al. 2024 (arXiv 2405.18392), the form that measured best there.
    """
    if step < warmup:
        return (step + 1) / warmup
    first = total - 1 - max(round(decay_share * total), 1)
    done = max(step - max(first, warmup - 1), 0) / max(total - 1 - max(first, warmup - 1), 1)
    return final_share + (1 - final_share) * (1 - math.sqrt(min(done, 1.0)))


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "wsd": warmup_stable_decay}
"""By the name that `optim.schedule` takes."""
