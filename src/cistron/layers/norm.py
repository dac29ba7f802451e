"""Root-mean-square normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cistron.layers.pieces import pays, pieces
from cistron.layers.residual import HALF


class RMSNorm(nn.Module):
    """Scales each vector to unit root mean square, then by a learned weight.

    The mean square is taken in float32 for half-precision inputs, as the published implementations do.

    Source: Zhang & Sennrich 2019 (arXiv 1910.07467); order of casts as in transformers' Mixtral.
    """

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the normalised `x`, in its dtype."""
        if pays(x):
            return self._in_pieces(x)
        if x.dtype in HALF:
            wide = x.float()
            scaled = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
            return self.weight * scaled.to(x.dtype)
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)

    def _in_pieces(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        result = torch.empty_like(rows)
        weight = self.weight.to(x.dtype)
        for piece in pieces(*rows.shape):
            some = rows[piece].float() if x.dtype in HALF else rows[piece]
            length = torch.linalg.vector_norm(some, dim=-1, keepdim=True)
            scale = length.square_().div_(x.shape[-1]).add_(self.eps).rsqrt_()
            torch.mul(some, scale, out=result[piece]).mul_(weight)
        return result.view(x.shape)
