"""Rotary positions whose frequencies a checkpoint brings along."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cistron.layers.precision import AtLeastFloat32
from cistron.layers.rotary import rotate


class RotaryFrequencies(AtLeastFloat32):
    """Holds the frequencies, in float32 at least; they are stored, not learned.

    Source: Su et al. 2021 (arXiv 2104.09864); dividing positions: Chen et al. 2023 (arXiv 2306.15595).
    """

    kept: ClassVar[tuple[str, ...]] = ("inv_freq",)
    inv_freq: Tensor

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", torch.zeros(head_dim // 2))

    def reset_parameters(self, theta: float) -> None:
        """Fill in θ^(−2i/K)."""
        steps = torch.arange(len(self.inv_freq), dtype=torch.float32, device=self.inv_freq.device)
        self.inv_freq.copy_(theta ** -(steps / len(steps)))

    def forward(self, positions: Int[Tensor, "*B L"], factor: float) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of the angles, `(*B, L, K/2)`, in float32 whatever the model's dtype.

        Args:
            positions: Of the tokens.
            factor: What positions are divided by.
        """
        angles = (positions.float() / factor).unsqueeze(-1) * self.inv_freq.float()
        return angles.cos(), angles.sin()


def rotate_rounded(
    x: Float[Tensor, "B H L K"], cos: Float[Tensor, "*B L K/2"], sin: Float[Tensor, "*B L K/2"]
) -> Float[Tensor, "B H L K"]:
    """Rotate in float32 at least, by cosines and sines rounded to the dtype of `x`, as published."""
    wide = torch.promote_types(x.dtype, torch.float32)
    return rotate(x.to(wide), cos.to(x.dtype).to(wide), sin.to(x.dtype).to(wide)).to(x.dtype)
