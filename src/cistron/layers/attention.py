"""Causal attention over a chunk of tokens and everything read before it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from cistron.layers.cache import join


def attend(
    query: Float[Tensor, "B H Q K"],
    key: Float[Tensor, "B KV L K"],
    value: Float[Tensor, "B KV L K"],
    past: tuple[Tensor, Tensor] | None = None,
    mask: Bool[Tensor, "B 1 L PL"] | None = None,
) -> Float[Tensor, "B H L K"]:
    """Attention output of a chunk whose tokens see `past` whole and the chunk causally.

    Args:
        query: Rotated queries of the chunk, or of its last token alone; H is a multiple of KV (grouped-query
            attention).
        key: Rotated keys of the chunk.
        value: Values of the chunk.
        past: Rotated keys and values `(B / n, KV, P, K)` of what came before; each row serves n of the batch.
        mask: Who sees whom over past and chunk (True = sees); None for the plain causal case.
    """
    groups = query.shape[1] // key.shape[1]
    if mask is None and past is None:
        return _sdpa(query, key, value, groups, is_causal=query.shape[2] > 1)
    if mask is None and past is not None and query.shape[2] > 1 and _mergeable(query, past[0]):
        return _merged(query, key, value, past, groups)
    if past is not None:
        key, value = join([past[0], key]), join([past[1], value])
    if mask is None and query.shape[2] > 1:
        # torch's bias object is a Tensor subclass that SDPA turns into the right kernel
        from torch.nn.attention.bias import causal_lower_right  # brings the compiler along, for seconds

        bias = causal_lower_right(query.shape[2], key.shape[2])
        return _sdpa(query, key, value, groups, attn_mask=bias)
    return _sdpa(query, key, value, groups, attn_mask=mask)


def _sdpa(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    groups: int,
    *,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
) -> Tensor:
    if attn_mask is None and not is_causal:
        # Everyone sees everything, so the heads of a group can stand in one row of queries.
        folded = query.reshape(len(key), key.shape[1], -1, query.shape[3])
        return F.scaled_dot_product_attention(folded, key, value).reshape(query.shape)
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=attn_mask, is_causal=is_causal, enable_gqa=groups > 1
    )


def _mergeable(query: Tensor, past_key: Tensor) -> bool:
    """Whether the two-part kernel applies: it has no gradient, and is the CPU's way to skip a dense mask."""
    if past_key.shape[2] == 0:
        return False  # the kernel divides by the number of keys
    return query.device.type == "cpu" and not (
        torch.is_grad_enabled() and (query.requires_grad or past_key.requires_grad)
    )


def _merged(query: Tensor, key: Tensor, value: Tensor, past: tuple[Tensor, Tensor], groups: int) -> Tensor:
    """Attend to the past and to the chunk separately and merge by their log-sum-exp, which is exact.

    A rectangular causal mask would make the CPU kernel compute and add a dense (L, P + L) mask. The past
    needs none, so query heads fold onto their key/value head, and the rows of a fork onto their common past.

    Source: the online-softmax identity, Milakov & Gimelshein 2018 (arXiv 1805.02867).
    """
    past_key, past_value = past
    batch, heads, length, width = query.shape
    rows, kv_heads = past_key.shape[:2]
    shape = rows, batch // rows, kv_heads, groups * length, width
    folded = query.reshape(shape).transpose(1, 2).reshape(rows, kv_heads, -1, width)
    past_out, past_lse = _flash(folded, past_key, past_value, is_causal=False)
    unfolded = rows, kv_heads, batch // rows, groups * length
    past_out = past_out.reshape(*unfolded, width).transpose(1, 2).reshape(query.shape)
    past_lse = past_lse.reshape(unfolded).transpose(1, 2).reshape(batch, heads, length, 1)

    out, lse = _flash(query, key, value, is_causal=True)
    share = torch.sigmoid(past_lse - lse.unsqueeze(-1)).to(query.dtype)
    # `torch.lerp` says the same and is slower where the weight is broadcast.
    return out.mul_(1 - share).addcmul_(past_out, share)


def _flash(query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool) -> tuple[Tensor, Tensor]:
    """Attention and its log-sum-exp `(B, H, L)` from torch's CPU kernel."""
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, is_causal)
    return out, lse
