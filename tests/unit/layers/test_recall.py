"""Attention to blocks against one masked softmax over everything."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.layers.cache import Block
from cistron.layers.recall import attend_after, attend_to_all

EXACT = {"rtol": 0, "atol": 1e-12}


def softmax_over_all(query, key, value, blocks):
    """The definition: every row's own past, then the chunk causally, head by head."""
    batch, heads, length, width = query.shape
    out = torch.zeros_like(query)
    for row in range(batch):
        parts = []
        for block in blocks:
            place = row // (batch // len(block.keys))
            own = slice(None) if block.valid is None else block.valid[place]
            parts.append((block.keys[place][:, own], block.values[place][:, own]))
        keys = torch.cat([part for part, _ in parts] + [key[row]], dim=1).to(query.dtype)
        values = torch.cat([part for _, part in parts] + [value[row]], dim=1).to(query.dtype)
        past = keys.shape[1] - key.shape[2]
        seen = torch.arange(keys.shape[1]) <= past + torch.arange(key.shape[2]).unsqueeze(1)
        for head in range(heads):
            group = head // (heads // key.shape[1])
            scores = query[row, head] @ keys[group].T / width**0.5
            out[row, head] = scores.masked_fill(~seen[-length:], -torch.inf).softmax(-1) @ values[group]
    return out


def made(generator, batch, heads, kv_heads, length, blocks):
    """A chunk, and blocks of (rows that share one past, columns, whether rows differ in length)."""

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    found = []
    for shared, columns, ragged in blocks:
        rows = batch // shared
        valid = torch.rand(rows, columns, generator=generator) < 0.6 if ragged else None
        found.append(Block(randn(rows, kv_heads, columns, 8), randn(rows, kv_heads, columns, 8), valid))
    chunk = (
        randn(batch, heads, length, 8),
        randn(batch, kv_heads, length, 8),
        randn(batch, kv_heads, length, 8),
    )
    return chunk, found


BLOCKS = st.lists(st.tuples(st.sampled_from([1, 2, 6]), st.integers(0, 12), st.booleans()), max_size=4)


@settings(max_examples=80, deadline=None)
@given(
    BLOCKS, st.sampled_from([(4, 4), (4, 2), (6, 1)]), st.integers(1, 7), st.booleans(), st.integers(0, 99)
)
def test_a_chunk_sees_every_block_and_itself_causally(blocks, heads, length, gradient, seed):
    chunk, past = made(torch.Generator().manual_seed(seed), 6, *heads, length, blocks)
    expected = softmax_over_all(*chunk, past)
    query = chunk[0].clone().requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        found = attend_after(query, *chunk[1:], past)
    torch.testing.assert_close(found.detach(), expected, **EXACT)


@settings(max_examples=80, deadline=None)
@given(BLOCKS, st.sampled_from([(4, 4), (4, 2), (6, 1)]), st.integers(0, 99))
def test_the_newest_token_sees_every_block(blocks, heads, seed):
    (query, key, value), past = made(torch.Generator().manual_seed(seed), 6, *heads, 1, blocks)
    expected = softmax_over_all(query, key, value, past)
    found = attend_to_all(query, [*past, Block(key, value, None)])
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize("length", [1, 5])
def test_a_row_with_no_token_in_a_block_gets_nothing_from_it(randn, length):
    query, key, value = randn(2, 2, length, 8), randn(2, 1, length, 8), randn(2, 1, length, 8)
    past = Block(randn(2, 1, 4, 8), randn(2, 1, 4, 8), torch.tensor([[True] * 4, [False] * 4]))
    alone = softmax_over_all(query[1:], key[1:], value[1:], [])
    if length == 1:
        found = attend_to_all(query, [past, Block(key, value, None)])
    else:
        found = attend_after(query, key, value, [past])
    torch.testing.assert_close(found[1:], alone, **EXACT)


def test_large_scores_do_not_overflow(randn):
    query, key, value = randn(1, 2, 6, 8), 300 * randn(1, 2, 6, 8), randn(1, 2, 6, 8)
    past = [Block(300 * randn(1, 2, 4, 8), randn(1, 2, 4, 8), None) for _ in range(3)]
    expected = softmax_over_all(query, key, value, past)
    torch.testing.assert_close(attend_after(query, key, value, past), expected, **EXACT)
    last = attend_to_all(query[:, :, -1:], [*past, Block(key, value, None)])
    torch.testing.assert_close(last, expected[:, :, -1:], **EXACT)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_blocks_in_fewer_bits_are_read_in_the_arithmetic_of_the_query(randn, dtype):
    query, key, value = randn(2, 4, 5, 8), randn(2, 2, 5, 8), randn(2, 2, 5, 8)
    past = [Block(randn(2, 2, 7, 8).to(dtype), randn(2, 2, 7, 8).to(dtype), None)]
    expected = softmax_over_all(query, key, value, past)
    found = attend_after(query, key, value, past)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, **EXACT)
