"""Coverage as a model is taught it: on a scale without long tails, and the losses between two tracks."""

from __future__ import annotations

from typing import Final, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Loss = Literal["mse", "pearson", "poisson", "tweedie", "poisson-multinomial"]
LOSSES: tuple[str, ...] = get_args(Loss)

POWER: Final = 0.75
KNEE: Final = 10.0
"""Beyond it the scaled signal goes on as a square root."""
_TINY: Final = 1e-7


def squeeze(signal: Float[Tensor, "*B"], mean: Float[Tensor, "*M"]) -> Float[Tensor, "*B"]:
    """Signal on the scale a model learns: z = (y / μ)^0.75, and above 10 instead 2·√(10 z) − 10.

    Args:
        signal: Coverage, not negative.
        mean: μ, the mean of each track where it is not zero; broadcast against `signal`.

    Source: the target transform of Genos' coverage tracks, as in Avsec et al. 2025 (AlphaGenome).
    """
    scaled = (signal / mean) ** POWER
    return torch.where(scaled > KNEE, 2 * torch.sqrt(KNEE * scaled.clamp(min=KNEE)) - KNEE, scaled)


def stretch(squeezed: Float[Tensor, "*B"], mean: Float[Tensor, "*M"]) -> Float[Tensor, "*B"]:
    """The inverse of `squeeze`; what is below zero becomes zero.

    Source: z = (p + 10)² / 40 above 10, then y = z^(1 / 0.75) · μ.
    """
    least = squeezed.clamp(min=0)
    scaled = torch.where(least > KNEE, (least + KNEE).square() / (4 * KNEE), least)
    return scaled ** (1 / POWER) * mean


def track_loss(
    predicted: Float[Tensor, "B T P"],
    target: Float[Tensor, "B T P"],
    kind: Loss = "mse",
    *,
    power: float = 1.2,
    shape_weight: float = 5.0,
) -> Float[Tensor, ""]:
    """The mean loss of predicted signal, in float32 at least; positions whose target is NaN do not count.

    Args:
        predicted: Signal of T tracks at P positions, not negative.
        target: Measured signal on the same scale.
        kind: `mse`; `pearson`, one minus the correlation over the positions of each window and track;
            `poisson` and `tweedie`, their deviances without the terms that hold no prediction;
            `poisson-multinomial`, Poisson of the window's sum plus the multinomial of its shape.
        power: Of Tweedie, between 1 (Poisson) and 2 (gamma).
        shape_weight: Of the multinomial part beside the Poisson part.

    Source: Tweedie: −t·p^(1−ρ)/(1−ρ) + p^(2−ρ)/(2−ρ); Poisson-multinomial: Linder et al. 2025 (Borzoi).
    """
    wide = torch.promote_types(predicted.dtype, torch.float32)
    known = ~target.isnan()
    predicted, target = predicted.to(wide), target.nan_to_num().to(wide)
    if kind == "pearson":
        return (1 - _correlation(predicted, target, known)).mean()
    if kind == "poisson-multinomial":
        return _poisson_multinomial(predicted, target, known, shape_weight)
    if kind == "mse":
        losses = (predicted - target).square()
    elif kind == "poisson":
        losses = predicted - target * torch.log(predicted + _TINY)
    else:
        p, rho = predicted + _TINY, min(max(power, 1.01), 1.99)
        losses = -target * p ** (1 - rho) / (1 - rho) + p ** (2 - rho) / (2 - rho)
    return losses[known].mean()


def _correlation(
    predicted: Float[Tensor, "B T P"], target: Float[Tensor, "B T P"], known: Bool[Tensor, "B T P"]
) -> Float[Tensor, "B T"]:
    """Pearson's correlation over the known positions; zero where one side does not vary."""
    count = known.sum(-1, keepdim=True).clamp(min=1)
    p = torch.where(known, predicted - (predicted * known).sum(-1, keepdim=True) / count, 0.0)
    t = torch.where(known, target - (target * known).sum(-1, keepdim=True) / count, 0.0)
    spread = torch.sqrt(p.square().sum(-1) * t.square().sum(-1) + 1e-12)
    return (p * t).sum(-1) / spread


def _poisson_multinomial(
    predicted: Float[Tensor, "B T P"],
    target: Float[Tensor, "B T P"],
    known: Bool[Tensor, "B T P"],
    shape_weight: float,
) -> Float[Tensor, ""]:
    """Per position, so that the loss does not grow with the window."""
    p, t = (predicted + _TINY) * known, target * known
    count = known.sum(-1).clamp(min=1)
    sums, totals = p.sum(-1), t.sum(-1)
    poisson = sums - totals * torch.log(sums + _TINY)
    share = torch.log(p + _TINY) - torch.log(sums + _TINY)[..., None]
    multinomial = -(t * share).sum(-1)
    return ((poisson + shape_weight * multinomial) / count).mean()
