"""Which token comes next: temperature, top-k, top-p, and one random number a token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int
from torch import Tensor

from cistron.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How a model's distribution is sharpened before a token is drawn.

    Applied in this order: what may not come is left out, then temperature, top-k, top-p; what is left is
    normalised again.

    Attributes:
        temperature: Divides log-probabilities; 0 always takes the likeliest token.
        top_k: Keep so many of the likeliest tokens; None for all.
        top_p: Keep the fewest likeliest tokens whose probabilities reach this sum; None for all.

    Raises:
        InputError: A value is out of range.

    Source: top-p, Holtzman et al. 2020 (arXiv 1904.09751), section 3.1.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"temperature is {self.temperature}; it must be 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top-k is {self.top_k}; it must be 1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top-p is {self.top_p}; it must lie above 0 and not above 1")

    def log_probabilities(self, log_weights: Float64[Tensor, "B C"]) -> Float64[Tensor, "B C"]:
        """Log-probabilities that tokens are drawn with; -inf for those that are not.

        Args:
            log_weights: The model's log-probabilities, up to a constant for each row; -inf for tokens that
                may not come. Every row needs one that may.
        """
        weights = log_weights - log_weights.amax(-1, keepdim=True)
        if self.temperature == 0:
            return torch.full_like(weights, -math.inf).scatter_(-1, weights.argmax(-1, keepdim=True), 0.0)
        if self.temperature != 1:
            weights = weights / self.temperature
        if self.top_k is not None or self.top_p is not None:
            weights = weights.masked_fill(~self._kept(weights), -math.inf)
        return weights.log_softmax(-1)

    def _kept(self, weights: Float64[Tensor, "B C"]) -> Tensor:
        """Which tokens top-k and top-p leave in the race."""
        ordered, order = weights.sort(stable=True, dim=-1, descending=True)
        if self.top_k is not None:
            rank = torch.arange(ordered.shape[-1], device=order.device)
            ordered = ordered.masked_fill(rank >= self.top_k, -math.inf)
        kept = ordered > -math.inf
        if self.top_p is not None:
            probability = ordered.softmax(-1)
            kept &= probability.cumsum(-1) - probability < self.top_p
        return torch.zeros_like(kept).scatter_(-1, order, kept)


def draw(log_probabilities: Float64[Tensor, "B C"], uniform: Float64[Tensor, "B"]) -> Int[Tensor, "B"]:
    """Columns drawn by the inverse of the cumulative distribution; never one of probability 0.

    One number a row decides, and a row's answer depends on its own row alone: rounding can change it only
    where a cumulative probability lies within rounding of the number.

    Args:
        log_probabilities: Of each column; rows sum to 1.
        uniform: In [0, 1).
    """
    cumulative = log_probabilities.exp().cumsum(-1)
    total = cumulative[:, -1]
    # The product can round up to the total, and then every column would lie below it.
    threshold = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
    return (cumulative <= threshold.unsqueeze(-1)).sum(-1)


def uniforms(seed: int, stream: tuple[int, ...], count: int) -> Float64[np.ndarray, "count"]:
    """The first `count` random numbers in [0, 1) of a stream, the same on every machine.

    Streams of different numbers are independent of each other, so a sequence draws the same numbers whatever
    runs beside it.

    Args:
        seed: 0 or more.
        stream: Which of the seed's streams.
        count: How many.

    Source: Philox4x64-10, Salmon et al. 2011 (doi 10.1145/2063384.2063405), seeded by numpy's SeedSequence.
    """
    bits = np.random.Philox(np.random.SeedSequence(seed, spawn_key=stream)).random_raw(count)
    return (np.asarray(bits, dtype=np.uint64) >> np.uint64(11)) * 2.0**-53
