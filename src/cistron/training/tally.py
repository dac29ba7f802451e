"""The numbers of a run: what a log line says, and the note beside the progress bar."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

from cistron.layers.moe import SparseMoE
from cistron.training.batches import StepRows
from cistron.training.guards import dead_experts
from cistron.training.throughput import flops_per_token, peak_flops

SCALARS = 3
"""Cross-entropy, balance and z stand before the expert counts."""


class Tally:
    """Adds up the steps since the last log line.

    Attributes:
        tokens: Read since the run began.
        nats_per_base: Of the last step.
    """

    def __init__(self, model: nn.Module, config: Any, device: torch.device, dtype: torch.dtype) -> None:
        self._layers = sum(isinstance(module, SparseMoE) for module in model.modules()) or 1
        self._flops = {length: flops_per_token(model, config, length) for length in (0, 1)}
        self._device, self._dtype = device, dtype
        self.tokens, self.nats_per_base = 0, 0.0
        self._seconds, self._started = 0.0, time.monotonic()
        self._logged_at, self._done, self._read = self._started, 0.0, 0
        self._counts: Tensor | None = None
        self._last: dict[str, float] = {}
        self._loss = self._validation = self._speed = ""

    def add(self, facts: Tensor, rows: StepRows, *, gradient_norm: float, rate: float) -> None:
        """Take in a step.

        Args:
            facts: Summed over ranks: cross-entropy, balance, z, then tokens per layer and expert.
            rows: What was read.
            gradient_norm: Before clipping.
            rate: Learning rate.
        """
        self.nats_per_base, balance, z = facts[:SCALARS].tolist()
        self.tokens += rows.tokens
        self._read += rows.tokens
        per_token = self._flops[0] + rows.length * (self._flops[1] - self._flops[0])
        self._done += per_token * rows.tokens
        self._last = {
            "length": rows.length,
            "nats_per_base": self.nats_per_base,
            "balance": balance / self._layers,
            "z": z / self._layers,
            "gradient_norm": gradient_norm,
            "lr": rate,
        }
        if len(facts) > SCALARS:
            counts = facts[SCALARS:].cpu().view(self._layers, -1)
            self._counts = counts if self._counts is None else self._counts + counts

    def validated(self, nats: float) -> None:
        """Take in a validation, in nats per base."""
        self._validation = f"validation {nats:.4f}"

    @property
    def note(self) -> str:
        """One line about the newest numbers."""
        return ", ".join(filter(None, (self._loss, self._validation, self._speed)))

    def row(self, step: int, ranks: int, dead_share: float) -> dict[str, Any]:
        """The log line behind `step`, and begin anew.

        Args:
            step: Steps done.
            ranks: Devices that train.
            dead_share: See `GuardSettings`.
        """
        now = time.monotonic()
        elapsed = max(now - self._logged_at, 1e-9)
        speed = self._read / elapsed
        used = self._done / elapsed / (peak_flops(self._device, self._dtype) * ranks)
        row: dict[str, Any] = {"step": step, "tokens": self.tokens, **self._last}
        row |= {"seconds": round(self._seconds + now - self._started, 1)}
        row |= {"tokens_per_second": round(speed, 1), "mfu": round(used, 4)}
        self._loss = f"{self.nats_per_base:.4f} nats/base"
        self._speed = f"{speed:,.0f} tokens/s, MFU {used:.0%}"
        if self._counts is not None:
            row["expert_tokens"] = [[int(count) for count in layer] for layer in self._counts]
            dead = dead_experts(self._counts, dead_share)
            if dead:
                row["dead_experts"] = dead
                self._speed += f", {len(dead)} dead experts"
        self._logged_at, self._read, self._done, self._counts = time.monotonic(), 0, 0.0, None
        return row

    def state(self) -> dict[str, Any]:
        """Plain values from which `restore` goes on."""
        counts = None if self._counts is None else self._counts.tolist()
        seconds = self._seconds + time.monotonic() - self._started
        return {"tokens": self.tokens, "seconds": seconds, "expert_tokens": counts}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as the tally whose `state` this is."""
        self.tokens, self._seconds = state["tokens"], state["seconds"]
        counts = state["expert_tokens"]
        self._counts = None if counts is None else torch.tensor(counts, dtype=torch.float64)
