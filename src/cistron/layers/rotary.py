"""Rotary position embedding."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cistron.layers.pieces import pays, pieces
from cistron.layers.residual import HALF


def rotary_angles(
    positions: Int[Tensor, "*B L"], head_dim: int, theta: float
) -> tuple[Float[Tensor, "*B L K/2"], Float[Tensor, "*B L K/2"]]:
    """Return cosine and sine of each position's angles, in float32 whatever the model's dtype.

    Float32 is part of the published definition: checkpoints were trained and are compared with it, so a
    float64 model uses the same angles.

    Source: Su et al. 2021 (arXiv 2104.09864); half-split layout as in transformers' Mixtral.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim
    frequencies = 1.0 / (theta**exponents)
    angles = positions.to(torch.float32).unsqueeze(-1) * frequencies
    return angles.cos(), angles.sin()


def rotate(
    x: Float[Tensor, "B H L K"], cos: Float[Tensor, "*B L K/2"], sin: Float[Tensor, "*B L K/2"]
) -> Float[Tensor, "B H L K"]:
    """Turn each (first half, second half) pair of `x` by its position's angle.

    `cos` and `sin` have one row per position, with a batch axis where rows differ in position.
    """
    if pays(x):
        return _rotate_in_pieces(x, cos, sin)
    if x.dtype in HALF and x.device.type == "cpu" and not torch.is_grad_enabled():
        return rotate(x.float(), cos, sin).to(x.dtype)
    if cos.dim() == 3:
        cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    turned = (
        torch.addcmul(first * cos, second, sin, value=-1),
        torch.addcmul(second * cos, first, sin),
    )
    return torch.cat(turned, dim=-1)


def _rotate_in_pieces(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Half precision is turned in float32 and rounded once, which costs nothing here."""
    batch, heads, length, width = x.shape
    result = x.new_empty(x.shape)
    wide = torch.promote_types(x.dtype, torch.float32)
    cos, sin = (part.to(wide).expand(batch, length, width // 2) for part in (cos, sin))
    for row in range(batch):
        for piece in pieces(length, heads * width):
            turned = result[row, :, piece]
            if x.dtype == wide:
                _turn(x[row, :, piece], cos[row, piece], sin[row, piece], turned)
            else:
                some = x[row, :, piece].to(wide)
                turned.copy_(_turn(some, cos[row, piece], sin[row, piece], torch.empty_like(some)))
    return result


def _turn(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor) -> Tensor:
    """Write the turned `x` to `out`, and return that."""
    (first, second), (left, right) = x.chunk(2, dim=-1), out.chunk(2, dim=-1)
    torch.mul(first, cos, out=left).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=right).addcmul_(first, sin)
    return out
