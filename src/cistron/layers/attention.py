"""Causal attention over a chunk of tokens; `recall.py` has attention to what was read before it."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def attend(
    query: Float[Tensor, "B H Q K"],
    key: Float[Tensor, "B KV L K"],
    value: Float[Tensor, "B KV L K"],
    mask: Bool[Tensor, "B 1 Q L"] | None = None,
) -> Float[Tensor, "B H Q K"]:
    """Attention output of a chunk whose tokens see it causally, or what a mask lets them see.

    Args:
        query: Rotated queries of the chunk, or of its last token alone; H is a multiple of KV (grouped-query
            attention).
        key: Rotated keys of the chunk.
        value: Values of the chunk.
        mask: Who sees whom (True = sees); None for the plain causal case.
    """
    groups = query.shape[1] // key.shape[1]
    if mask is None and query.shape[2] == 1:
        # Everyone sees everything, so the heads of a group can stand in one row of queries.
        folded = query.reshape(len(key), key.shape[1], -1, query.shape[3])
        return F.scaled_dot_product_attention(folded, key, value).reshape(query.shape)
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None, enable_gqa=groups > 1
    )
