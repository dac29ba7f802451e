"""How long reading and generating take: measured on the model at hand, or from what a device can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from cistron.inference.planning.costs import Costs
from cistron.inference.planning.workload import Workload
from cistron.models import Model, State

ASSUMED_SHARE = 0.4
"""Part of a device's peak that arithmetic reaches, and of its bandwidth that reading does."""

_SHORTEST, _LONGEST = 256, 8192
_STEPS = 6
_ROWS = 4


@dataclass(frozen=True)
class Speed:
    """Seconds by kind of work.

    Attributes:
        token: For a token that is read.
        pair: For a pair of tokens, one of which sees the other.
        step: For making one token in every sequence of a batch.
        made: For each sequence in such a step, in addition.
        made_pair: For each earlier token that such a token sees, in addition.
        measured: Whether measured here or assumed.
    """

    token: float
    pair: float
    step: float
    made: float
    made_pair: float
    measured: bool

    def seconds(self, work: Workload, rows: int) -> float:
        """Time of the work when so many sequences are generated together."""
        batches = -(-work.sequences // max(rows, 1))
        return (
            self.token * work.tokens
            + self.pair * work.pairs
            + self.step * work.steps * batches
            + self.made * work.generated
            + self.made_pair * work.generated_pairs
        )


def assumed_speed(costs: Costs, flops: float, bandwidth: float) -> Speed:
    """Speed on a device that is not at hand.

    Reading is bound by arithmetic; making tokens one by one, by reading all weights once a step and the State
    of every sequence.

    Args:
        costs: Of the model.
        flops: Operations a second that the device does at most.
        bandwidth: Bytes a second that it reads at most.
    """
    flops, bandwidth = ASSUMED_SHARE * flops, ASSUMED_SHARE * bandwidth
    return Speed(
        token=costs.products / flops,
        pair=costs.attention / flops,
        step=costs.weights / bandwidth,
        made=costs.products / flops,
        made_pair=costs.state / bandwidth,
        measured=False,
    )


def measured_speed(model: Model, *, generates: bool = False, seconds: float = 0.5) -> Speed:
    """Speed of a built model on its device, from a few short runs.

    Args:
        model: Implements `cistron.models.Model`.
        generates: Measure making tokens one by one, too.
        seconds: Longer inputs are tried until one takes about so long.
    """
    with torch.inference_mode():
        token, pair = _reading(model, seconds)
        step, made, made_pair = _making(model) if generates else (0.0, 0.0, 0.0)
    return Speed(token, pair, step, made, made_pair, measured=True)


def _reading(model: Model, seconds: float) -> tuple[float, float]:
    """Seconds for a token and for a pair."""
    _timed_read(model, _SHORTEST)
    length, found = _SHORTEST, list[tuple[int, float]]()
    while not found or (found[-1][1] < seconds and length < min(_LONGEST, model.config.context_length)):
        length = length * 2 if found else length
        found.append((length, min(_timed_read(model, length) for _ in range(2))))
    lengths, times = (np.array(values, dtype=float) for values in zip(*found[-3:], strict=True))
    # Relative errors count, so that the shortest run says as much as the longest.
    matrix = np.stack([lengths, lengths**2 / 2], axis=1) / times[:, None]
    token, pair = np.linalg.lstsq(matrix, np.ones(len(times)), rcond=None)[0]
    if pair <= 0 or token <= 0:
        return float(times[-1] / lengths[-1]), 0.0
    return float(token), float(pair)


def _timed_read(model: Model, length: int) -> float:
    ids = _bases(model, 1, length)
    start = _now(ids.device)
    model(ids)
    return _now(ids.device) - start


def _making(model: Model) -> tuple[float, float, float]:
    """Seconds for a step, for each sequence in it, and for each earlier token of each."""
    cases = ((1, _SHORTEST), (_ROWS, _SHORTEST), (_ROWS, 8 * _SHORTEST))
    one, some, later = (_timed_step(model, rows, past) for rows, past in cases)
    pair = max(later - some, 0.0) / (_ROWS * 7 * _SHORTEST)
    made = max((some - one) / (_ROWS - 1) - pair * _SHORTEST, 0.0)
    return max(one - made - pair * _SHORTEST, 0.0), made, pair


def _timed_step(model: Model, rows: int, past: int) -> float:
    """Seconds that making the next token of every row takes."""
    state: State | None = model(_bases(model, rows, past), model.empty_state(rows)).state
    times = []
    ids = _bases(model, rows, 1)
    for _ in range(_STEPS):
        times.append(_now(ids.device))
        state = model(ids, state).state
    times.append(_now(ids.device))
    return float(np.median([after - before for before, after in pairwise(times)][1:]))


def _bases(model: Model, rows: int, length: int) -> torch.Tensor:
    device = model.empty_state(1).lengths.device
    return torch.randint(5, 9, (rows, length), generator=torch.Generator().manual_seed(0)).to(device)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


BANDWIDTH = {
    "B200": 8.0e12,
    "H200": 4.8e12,
    "H100": 3.35e12,
    "H100 PCIe": 2.0e12,
    "H20": 4.0e12,
    "A100": 2.0e12,
    "L40S": 864e9,
    "L4": 300e9,
    "A10": 600e9,
    "RTX 4090": 1008e9,
    "RTX 3090": 936e9,
}
"""Bytes a second that a GPU reads from its memory, by part of its name.

Source: NVIDIA's data sheets.
"""


def machine_speed(dtype: torch.dtype, seconds: float = 0.2) -> tuple[float, float]:
    """Operations and bytes a second of this CPU: the best of many matrix products and of many sums."""
    left = torch.ones(1024, 1024, dtype=dtype)
    long = torch.ones(2**24)
    product = _best(lambda: left @ left, seconds)
    reading = _best(long.sum, seconds)
    return 2 * len(left) ** 3 / product, long.nbytes / reading


def _best(work: Callable[[], object], seconds: float) -> float:
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best
