"""What a run does when it goes wrong: steps that would do harm are left out, unused experts are named."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any

from jaxtyping import Float
from torch import Tensor

from cistron.errors import CistronError

_FEWEST = 20
"""Losses that must be known before one can be called a spike."""

_MAD_TO_DEVIATION = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


class DivergenceError(CistronError):
    """Training went wrong several steps in a row."""


@dataclass(frozen=True)
class GuardSettings:
    """When to leave a step out, when to stop, when to call an expert dead.

    Attributes:
        spike: Robust standard deviations above the median of recent losses from which a loss is a spike.
        spike_floor: Nats above that median which are never a spike.
        window: How many recent losses are looked at.
        patience: Steps left out in a row after which the run stops.
        dead_share: Share of its even part of the tokens below which an expert is called dead.
    """

    spike: float = 10.0
    spike_floor: float = 0.25
    window: int = 100
    patience: int = 10
    dead_share: float = 0.02


class Guard:
    """Judges every step; all ranks judge alike because they are given the same numbers."""

    def __init__(self, settings: GuardSettings) -> None:
        self.settings = settings
        self.skipped = 0
        self._in_a_row = 0
        self._recent: deque[float] = deque(maxlen=settings.window)

    def objection(self, loss: float, gradient_norm: float) -> str | None:
        """Why the update must not be made, in words; None when it may.

        Args:
            loss: Nats per base of the step.
            gradient_norm: Before clipping.

        Raises:
            DivergenceError: This is the step that exhausts patience.
        """
        reason = self._reason(loss, gradient_norm)
        if reason is None:
            self._recent.append(loss)
            self._in_a_row = 0
            return None
        self.skipped += 1
        self._in_a_row += 1
        if self._in_a_row >= self.settings.patience:
            raise DivergenceError(
                f"{self._in_a_row} steps in a row had to be left out, the last because of {reason}; "
                "start a new run with a lower optim.lr, a longer warm-up or a smaller optim.clip"
            )
        return reason

    def new_stage(self) -> None:
        """Forget recent losses: those of another stage are no measure."""
        self._recent.clear()

    def state(self) -> dict[str, Any]:
        """Plain values from which `restore` makes this guard again."""
        return {"skipped": self.skipped, "in_a_row": self._in_a_row, "recent": list(self._recent)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as the guard whose `state` this is."""
        self.skipped, self._in_a_row = state["skipped"], state["in_a_row"]
        self._recent.clear()
        self._recent.extend(state["recent"])

    def _reason(self, loss: float, gradient_norm: float) -> str | None:
        if not math.isfinite(loss):
            return f"a loss of {loss}"
        if not math.isfinite(gradient_norm):
            return f"a gradient norm of {gradient_norm}"
        limit = self._limit()
        if loss > limit:
            return f"a loss of {loss:.3f}, above {limit:.3f}"
        return None

    def _limit(self) -> float:
        """Highest loss that is no spike."""
        if len(self._recent) < _FEWEST:
            return math.inf
        centre = median(self._recent)
        spread = _MAD_TO_DEVIATION * median(abs(loss - centre) for loss in self._recent)
        return centre + max(self.settings.spike * spread, self.settings.spike_floor)


def dead_experts(counts: Float[Tensor, "N E"], share: float) -> list[tuple[int, int]]:
    """(layer, expert), 0-based, of every expert that got less than `share` of its even part of the tokens.

    Args:
        counts: Tokens per layer and expert.
        share: Of the mean over the layer's experts.
    """
    low = counts < share * counts.mean(dim=1, keepdim=True)
    return [(int(layer), int(expert)) for layer, expert in low.nonzero().tolist()]
