"""Attention to what a cache holds, block by block, without joining the blocks and without a dense mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from cistron.layers.attention import attend
from cistron.layers.cache import Block, join

_Partial = tuple[Tensor, Tensor]
"""Attention to some of the keys, and the logarithm of the sum of its exponentials, `(B, H, Q, 1)`."""


def attend_after(
    query: Float[Tensor, "B H L K"],
    key: Float[Tensor, "B KV L K"],
    value: Float[Tensor, "B KV L K"],
    blocks: Sequence[Block],
) -> Float[Tensor, "B H L K"]:
    """Attention output of a chunk whose tokens see the blocks whole and the chunk causally.

    On a CPU every block is attended to on its own and the results are merged, which is exact and needs no
    mask of the size of the past; rows that share a block are one row of queries to it.

    Args:
        query: Rotated queries; H is a multiple of KV (grouped-query attention).
        key: Rotated keys of the chunk.
        value: Values of the chunk.
        blocks: What came before, of B rows or of a part of them (`layers.cache.Block`), in any dtype.

    Source: the online-softmax identity, Milakov & Gimelshein 2018 (arXiv 1805.02867).
    """
    blocks = [block for block in blocks if block.keys.shape[2]]
    if not blocks or not query.shape[2]:
        return attend(query, key, value)
    if query.device.type == "cpu" and not _differentiable(query, key, *(block.keys for block in blocks)):
        partial = _causal(query, key, value)
        for block in blocks:
            partial = _merged(partial, _whole(query, block))
        return partial[0].to(query.dtype)
    parts = [*blocks, Block(key, value, None)]
    if any(block.valid is not None for block in blocks):
        return _row_by_row(query, parts)
    return _joined(query, parts)


def attend_to_all(query: Float[Tensor, "B H 1 K"], blocks: Sequence[Block]) -> Float[Tensor, "B H 1 K"]:
    """Attention output of one token per row, which sees every token of the blocks, itself among them.

    Args:
        query: Rotated queries of the newest tokens.
        blocks: All there is, of B rows or of a part of them, in any dtype.
    """
    blocks = [block for block in blocks if block.keys.shape[2]]
    if len(blocks) == 1:
        keys, values, valid = _as(query, blocks[0])
        bias = None if valid is None else _bias(valid, query.dtype)
        out = F.scaled_dot_product_attention(_folded(query, keys), keys, values, attn_mask=bias)
        return _unfolded(out, query)
    scores = torch.cat([_scores(query, block) for block in blocks], dim=-1)
    # A single row of the attention matrix is small enough to be written out.
    shares = scores.softmax(dim=-1).to(query.dtype)
    parts = torch.split(shares, [block.keys.shape[2] for block in blocks], dim=-1)
    out = torch.zeros_like(query)
    for share, block in zip(parts, blocks, strict=True):
        _, values, _ = _as(query, block)
        out = out + _unfolded(_folded(share, values) @ values, query)
    return out


def _differentiable(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _as(query: Tensor, block: Block) -> Block:
    """The block in the dtype of the arithmetic."""
    return block._replace(keys=block.keys.to(query.dtype), values=block.values.to(query.dtype))


def _folded(query: Tensor, keys: Tensor) -> Tensor:
    """Queries of the heads of a group, and of the rows of the batch, that see the same keys, as one row."""
    rows, kv_heads = keys.shape[:2]
    width = query.shape[3]
    if rows == len(query):
        return query.reshape(rows, kv_heads, -1, width)
    apart = query.reshape(rows, len(query) // rows, kv_heads, -1, width)
    return apart.transpose(1, 2).reshape(rows, kv_heads, -1, width)


def _unfolded(out: Float[Tensor, "R KV N K"], query: Float[Tensor, "B H Q K"]) -> Float[Tensor, "B H Q K"]:
    """What `_folded` queries got, one row for each head and row of the batch."""
    rows, kv_heads = out.shape[:2]
    shape = *query.shape[:3], out.shape[3]
    if rows == len(query):
        return out.reshape(shape)
    apart = out.reshape(rows, kv_heads, len(query) // rows, -1, out.shape[3])
    return apart.transpose(1, 2).reshape(shape)


def _scores(query: Float[Tensor, "B H 1 K"], block: Block) -> Float[Tensor, "B H 1 C"]:
    """Scaled scores of every key of a block, in float32 at least; those of nobody's columns are very low."""
    keys = block.keys.to(query.dtype)
    scores = _unfolded(_folded(query, keys) @ keys.transpose(2, 3), query) * query.shape[3] ** -0.5
    scores = _wide(scores)
    if block.valid is not None:
        scores += _bias(block.valid, scores.dtype).repeat_interleave(len(query) // len(keys), dim=0)
    return scores


def _bias(valid: Bool[Tensor, "R C"], dtype: torch.dtype) -> Float[Tensor, "R 1 1 C"]:
    """What is added to the scores of every query, which kernels repeat without writing it out.

    Columns that are nobody's get a score that has no share beside any other, and is finite: rows without a
    token stay numbers.
    """
    bias = torch.zeros(valid.shape, dtype=dtype, device=valid.device)
    return bias.masked_fill_(~valid, torch.finfo(dtype).min / 4)[:, None, None]


def _causal(query: Tensor, key: Tensor, value: Tensor) -> _Partial:
    """Attention of a chunk to itself."""
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, True)
    return _wide(out), lse.unsqueeze(-1)


def _whole(query: Tensor, block: Block) -> _Partial:
    """Attention of a chunk to all of a block."""
    keys, values, valid = _as(query, block)
    bias = None if valid is None else _bias(valid, query.dtype)
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        _folded(query, keys), keys, values, 0.0, False, attn_mask=bias
    )
    return _wide(_unfolded(out, query)), _unfolded(lse.unsqueeze(-1), query)


def _wide(x: Tensor) -> Tensor:
    """In float32 at least, because many parts are added up."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _merged(first: _Partial, second: _Partial) -> _Partial:
    """Attention to the keys of both; the first is used up."""
    (out, lse), (more, more_lse) = first, second
    share = torch.sigmoid(more_lse - lse).to(out.dtype)
    # `torch.lerp` says the same and is slower where the weight is broadcast.
    return out.mul_(1 - share).addcmul_(more, share), torch.logaddexp(lse, more_lse)


def _joined(query: Tensor, blocks: Sequence[Block]) -> Tensor:
    """Attention where the last queries and keys belong together, in one kernel; copies the blocks."""
    from torch.nn.attention.bias import causal_lower_right  # brings the compiler along, for seconds

    wide = [_as(query, block) for block in blocks]
    keys, values = join([block.keys for block in wide]), join([block.values for block in wide])
    return F.scaled_dot_product_attention(
        query,
        keys,
        values,
        # torch's bias object is a Tensor subclass that SDPA turns into the right kernel
        attn_mask=causal_lower_right(query.shape[2], keys.shape[2]),
        enable_gqa=query.shape[1] > keys.shape[1],
    )


def _row_by_row(query: Tensor, blocks: Sequence[Block]) -> Tensor:
    """Each row with the tokens that are its own; a mask would be of the size of chunk times past."""
    outs = []
    for row in range(len(query)):
        own = [_row(block, row // (len(query) // len(block.keys))) for block in blocks]
        outs.append(_joined(query[row : row + 1], own))
    return torch.cat(outs)


def _row(block: Block, row: int) -> Block:
    """One row without the columns that are not its own."""
    keys, values = block.keys[row : row + 1], block.values[row : row + 1]
    if block.valid is not None:
        columns = block.valid[row]
        keys, values = keys[:, :, columns], values[:, :, columns]
    return Block(keys, values, None)
