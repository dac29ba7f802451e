"""Plan a verb before it starts: how much memory it takes, in what batches it runs, and how long.

| file | answers |
|---|---|
| `ledger.py` | what a program holds and computes while it runs |
| `costs.py` | bytes and operations for each token of a model |
| `workload.py` | what a verb will read and make |
| `speed.py` | seconds for each token |
| `free_memory.py` | what there is |
| `budget.py` | batches that fit, and smaller ones when they did not |

See `docs/design/length.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cistron.errors import InputError
from cistron.inference.chunks import LEAST_TOKENS, chunk_tokens
from cistron.inference.planning.costs import Costs
from cistron.inference.planning.workload import Workload

__all__ = ["BATCH_TOKENS", "HEADROOM", "Batch", "fit_batch"]

BATCH_TOKENS = 16_384
"""Tokens that run together where memory allows it; more are hardly faster."""

HEADROOM = 0.08
"""Share of the memory that is left free: for fragments, for kernels' own workspace, for other programs."""


@dataclass(frozen=True)
class Batch:
    """How work is divided, and what it takes at its peak.

    Attributes:
        tokens: That run together: the `batch_tokens` of every verb.
        at_once: That are in one chunk.
        kept: Whose State is held.
        weights: Bytes.
        state: Bytes.
        activations: Bytes.
    """

    tokens: int
    at_once: int
    kept: int
    weights: int
    state: int
    activations: int

    @property
    def peak(self) -> int:
        """Bytes that a run holds at a time."""
        return self.weights + self.state + self.activations


def batch_of(costs: Costs, tokens: int, longest: int) -> Batch:
    """What reading takes in batches of so many tokens, the longest sequence being of `longest`."""
    kept = max(min(tokens, tokens // longest * longest), longest)
    at_once = min(kept, chunk_tokens(tokens) if longest > tokens else tokens)
    state = round(costs.state * kept)
    working = costs.peak(at_once=at_once, kept=kept) - state
    return Batch(tokens, at_once, kept, costs.weights, state, working)


def fit_batch(costs: Costs, longest: int, memory: float, *, most: int = BATCH_TOKENS) -> Batch:
    """The largest batch, `most` tokens or a halving of it, that fits the memory.

    Args:
        costs: Of the model.
        longest: Tokens of the longest sequence.
        memory: Bytes there are for weights, State and activations.
        most: Tokens of the batch that is tried first.

    Raises:
        InputError: Not even the smallest fits; says what takes the memory and what would do.
    """
    tokens = most
    while True:
        batch = batch_of(costs, tokens, longest)
        if batch.peak <= memory * (1 - HEADROOM):
            return batch
        if tokens <= LEAST_TOKENS:
            raise InputError(_too_little(batch, memory))
        tokens = max(tokens // 2, LEAST_TOKENS)


def _too_little(batch: Batch, memory: float) -> str:
    gib = 2**30
    parts = (
        f"{batch.weights / gib:.2f} GiB weights, {batch.state / gib:.2f} GiB State of {batch.kept:,} tokens, "
        f"{batch.activations / gib:.2f} GiB activations"
    )
    needed = batch.peak / (1 - HEADROOM) / gib
    return (
        f"this takes {needed:.2f} GiB ({parts}), {memory / gib:.2f} GiB are there; "
        "give shorter sequences, a smaller window, --dtype bfloat16 or a machine with more memory"
    )


def rows_of(batch: Batch, work: Workload) -> int:
    """Sequences of the longest kind that run together."""
    return max(batch.tokens // max(work.longest, 1), 1)
