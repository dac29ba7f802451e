"""Root-mean-square normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


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
        """Return the normalised `x`."""
        if x.dtype not in (torch.bfloat16, torch.float16):
            return F.rms_norm(x, self.weight.shape, self.weight, self.eps)
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * scaled.to(x.dtype)
