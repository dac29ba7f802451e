"""Causal filters of a few taps, applied to a chunk and what came right before it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

_BLOCK = 64
"""Outputs that one product with a Toeplitz matrix gives; 32 to 128 take the same time on a CPU."""


def fir(x: Float[Tensor, "B L C"], past: Tensor | None, taps: Float[Tensor, "C K"]) -> Float[Tensor, "B L C"]:
    """y[t] = Σ_k taps[k] · x[t − K + 1 + k], tap by tap: for filters of a few taps.

    Args:
        x: Inputs of the chunk.
        past: The K − 1 inputs before it, `(B, K-1, C)`; zeros when None.
        taps: Oldest lag first, so the last tap meets the present.
    """
    length, count = x.shape[1], taps.shape[1]
    inputs = with_past(x, past, count)
    out = inputs[:, :length] * taps[:, 0]
    for k in range(1, count):
        out.addcmul_(inputs[:, k : k + length], taps[:, k])
    return out


def blocked_fir(
    u: Float[Tensor, "B L D"], past: Tensor | None, taps: Float[Tensor, "G K"]
) -> Float[Tensor, "B L D"]:
    """y[t] = Σ_k taps[k] · u[t − k], as matrix products of blocks: for filters of a hundred taps.

    The channels of a group share their filter, so a group is one product of all their blocks with one
    Toeplitz matrix.

    Args:
        u: Inputs of the chunk; channel c belongs to group c // (D / G).
        past: The K − 1 inputs before it, `(B, K-1, D)`; zeros when None.
        taps: Lag 0 first.
    """
    batch, length, channels = u.shape
    groups, count = taps.shape
    block = min(_BLOCK, length)
    inputs = F.pad(with_past(u, past, count), (0, 0, 0, -length % block)).transpose(1, 2).contiguous()
    spans = inputs.view(batch, groups, channels // groups, -1).unfold(-1, block + count - 1, block)
    rows = spans.transpose(0, 1).reshape(groups, -1, block + count - 1)
    out = torch.bmm(rows, toeplitz(taps, block)).view(groups, batch, channels // groups, -1)
    return out[..., :length].permute(1, 3, 0, 2).reshape(batch, length, channels)


def toeplitz(taps: Float[Tensor, "G K"], block: int) -> Float[Tensor, "G KB B"]:
    """The matrices that turn `block` + K − 1 inputs in order into the last `block` outputs."""
    count = taps.shape[1]
    place = torch.arange(block + count - 1, device=taps.device)
    lag = place[:block] + count - 1 - place.unsqueeze(1)
    inside = (lag >= 0) & (lag < count)
    return taps[:, lag.clamp(0, count - 1)] * inside


def with_past(x: Float[Tensor, "B L C"], past: Tensor | None, count: int) -> Float[Tensor, "B KL C"]:
    """The chunk behind the `count` − 1 inputs that a filter of `count` taps remembers."""
    if past is None:
        return F.pad(x, (0, 0, count - 1, 0))
    return torch.cat((past.to(x.dtype), x), dim=1)


def last_inputs(
    x: Float[Tensor, "B L C"], past: Tensor | None, count: int, lengths: Int[Tensor, "B"] | None
) -> Float[Tensor, "B K C"]:
    """The `count` − 1 newest inputs behind each row's `lengths` real ones, in memory of their own."""
    if lengths is None:
        if x.shape[1] < count - 1:
            x = with_past(x, past, count)
        return x[:, x.shape[1] - count + 1 :].clone()
    columns = lengths.unsqueeze(1) + torch.arange(count - 1, device=x.device)
    return with_past(x, past, count).gather(1, columns.unsqueeze(-1).expand(-1, -1, x.shape[2]))
