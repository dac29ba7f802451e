"""What stays in float32 when a model runs in half precision without gradients.

Only large products, and attention's, are made in half precision. What they add to, the residual stream, and
what little is computed from it alone (norms, router, output head) is float32: rounding a sum again in every
layer would cost more accuracy than rounding all factors once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

HALF = (torch.bfloat16, torch.float16)


def residual_stream(x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
    """`x` in the dtype in which layers are added to it: at least float32, unless gradients are wanted.

    Training in half precision is autocast's, or that of sharded parameters, which cast for themselves.
    """
    theirs = torch.is_grad_enabled() or torch.is_autocast_enabled(x.device.type)
    return x if theirs or x.dtype not in HALF else x.float()


def wide_linear(layer: nn.Linear, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
    """`layer(x)` in the dtype of `x`; for small layers, since it may cast the weights."""
    if x.dtype == layer.weight.dtype or torch.is_autocast_enabled(x.device.type):
        result: Tensor = layer(x)
        return result
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.linear(x, layer.weight.to(x.dtype), bias)
