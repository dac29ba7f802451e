"""Which stage a step belongs to, and what its learning rate is."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from cistron.training.pretrain import OptimSettings, Stage
from cistron.training.schedule import SCHEDULES


class Timetable:
    """The steps of a run in order.

    Attributes:
        total: Steps in all.
    """

    def __init__(self, stages: tuple[Stage, ...], optim: OptimSettings) -> None:
        self._optim = optim
        self._ends = list(accumulate(stage.num_steps for stage in stages))
        self.total = self._ends[-1]

    def stage(self, step: int) -> int:
        """Number of the stage that 0-based `step` belongs to."""
        return bisect_right(self._ends, step)

    def rate(self, step: int) -> float:
        """Learning rate of 0-based `step`."""
        optim = self._optim
        peak = optim.lr[self.stage(step)] if isinstance(optim.lr, tuple) else optim.lr
        warmup = optim.warmup if optim.warmup_share is None else round(optim.warmup_share * self.total)
        schedule = SCHEDULES[optim.schedule]
        given = () if optim.decay_share is None else (optim.decay_share,)
        return peak * schedule(step, self.total, warmup, optim.final_share, *given)
