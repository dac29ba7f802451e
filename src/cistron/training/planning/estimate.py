"""Memory and speed of a run in one layout, extrapolated from rehearsals of few layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch

from cistron.models import MODELS
from cistron.training.parallel import Layout
from cistron.training.planning.candidates import windows_per_step
from cistron.training.planning.rehearsal import Memory, rehearse
from cistron.training.planning.speed import (
    ASSUMED_MFU,
    RECOMPUTATION,
    Device,
    Wires,
    on_wires,
    part_seconds,
)
from cistron.training.pretrain import Pretraining, Stage
from cistron.training.throughput import flops_per_token

_DEPTHS = 3, 4
"""Layers that are rehearsed; from three on, memory at the peak grows by the same bytes with every layer."""


@dataclass(frozen=True)
class StageSpeed:
    """What a stage takes.

    Attributes:
        longest: Tokens of its longest window.
        tokens: Of the whole stage.
        tokens_per_second: Over all GPUs.
    """

    longest: int
    tokens: int
    tokens_per_second: float

    @property
    def seconds(self) -> float:
        """Time of the stage."""
        return self.tokens / self.tokens_per_second


@dataclass(frozen=True)
class Estimate:
    """A run in one layout.

    Attributes:
        run: With the layout and the settings that go with it.
        layout: With `shard` filled in.
        rows: Longest windows that a data rank takes through the model at a time.
        memory: Of one rank at its peak.
        stages: Speed of each.
        waits: Whether sharding's traffic takes longer than the arithmetic beside it in some stage.
    """

    run: Pretraining
    layout: Layout
    rows: int
    memory: Memory
    stages: tuple[StageSpeed, ...]
    waits: bool

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def tokens_per_second(self) -> float:
        """Over all GPUs and the whole run."""
        return sum(stage.tokens for stage in self.stages) / self.seconds


class Estimator:
    """Estimates one run on one kind of device."""

    def __init__(self, run: Pretraining, device: Device) -> None:
        self.run, self.device = run, device
        self.longest = max(length for length, _ in windows_per_step(run))
        self._spec = MODELS.get(run.architecture)
        self._config = self._spec.config(run.model)
        self.layers: int = getattr(self._config, "num_hidden_layers", 0)

    @cached_property
    def flops(self) -> Callable[[int], float]:
        """Operations for a token, by length of the window."""
        with torch.device("meta"):
            model = self._spec.build(self._config)
        fixed = flops_per_token(model, self._config, 0)
        each = flops_per_token(model, self._config, 1) - fixed
        return lambda length: fixed + each * length

    def estimate(self, layout: Layout, rows: int, *, checkpointing: bool, whole: bool = False) -> Estimate:
        """The run in one layout.

        Args:
            layout: Fitted to a world.
            rows: Longest windows that a data rank takes through the model at a time.
            checkpointing: Whether activations are computed again.
            whole: Rehearse all layers instead of extrapolating.
        """
        run = replace(
            self.run,
            layout=layout,
            activation_checkpointing=checkpointing,
            micro_tokens=rows * self.longest * layout.shard,
        )
        memory, wires = self._rehearsed(run, rows, whole=whole)
        parts = [self._stage(run, stage, rows, wires) for stage in run.stages]
        speeds, waits = tuple(speed for speed, _ in parts), any(waiting for _, waiting in parts)
        return Estimate(run, layout, rows, memory, speeds, waits)

    def _rehearsed(self, run: Pretraining, rows: int, *, whole: bool) -> tuple[Memory, Wires]:
        """Memory at the longest windows, and seconds on the wires for a part of them."""
        if whole or self.layers <= max(_DEPTHS):
            return self._at(run, rows, None)
        (memory, wires), (more, longer) = (self._at(run, rows, depth) for depth in _DEPTHS)
        kinds = (kind.name for kind in fields(Memory))
        return (
            Memory(**{kind: round(self._line(getattr(memory, kind), getattr(more, kind))) for kind in kinds}),
            Wires(self._line(wires.weights, longer.weights), self._line(wires.tokens, longer.tokens)),
        )

    def _at(self, run: Pretraining, rows: int, depth: int | None) -> tuple[Memory, Wires]:
        layout = run.layout
        parts = max(windows // (layout.shard * rows) for _, windows in windows_per_step(run))
        seen = rehearse(run, world_of(layout), length=self.longest, rows=rows, parts=parts, depth=depth)
        return seen.memory, on_wires(seen.transfers, self.device)

    def _line(self, at_first: float, at_second: float) -> float:
        """What two numbers of layers say of all layers."""
        first, second = _DEPTHS
        return at_first + (at_second - at_first) * (self.layers - first) / (second - first)

    def _stage(self, run: Pretraining, stage: Stage, rows: int, wires: Wires) -> tuple[StageSpeed, bool]:
        """Speed of a stage, and whether sharding's traffic takes longer than its arithmetic."""
        tokens = sum(window.weight * window.length for window in stage.lengths)
        seconds, waits = 0.0, False
        for window in stage.lengths:
            # As many tokens as in a part of the longest windows, unless the step has fewer.
            part = min(rows * self.longest * run.layout.shard, stage.tokens)
            share = part / (rows * self.longest * run.layout.shard)
            compute = self._compute(run, window.length) * part
            moved = Wires(wires.weights, wires.tokens * share)
            waits |= moved.weights > compute
            seconds += window.weight * window.length * part_seconds(compute, moved) / part
        longest = max(window.length for window in stage.lengths)
        return StageSpeed(longest, stage.num_steps * stage.tokens, tokens / seconds), waits

    def _compute(self, run: Pretraining, length: int) -> float:
        """Seconds of arithmetic for a token, when all GPUs share it."""
        again = RECOMPUTATION if run.activation_checkpointing else 1.0
        return self.flops(length) * again / (world_of(run.layout) * ASSUMED_MFU * self.device.peak)


def world_of(layout: Layout) -> int:
    """GPUs of a fitted layout."""
    return layout.shard * layout.context * layout.tensor
