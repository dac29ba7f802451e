"""`attend`, `attend_after` and the cache against one masked softmax over everything."""

from __future__ import annotations

import pytest
import torch

from cistron.layers.attention import attend
from cistron.layers.cache import Block, KeyValueCache
from cistron.layers.recall import attend_after

EXACT = {"rtol": 0, "atol": 1e-12}
HEADS = [(4, 4), (4, 2), (6, 1)]
"""(query heads, key/value heads): full, grouped, one for all."""


def masked_softmax(query, key, value, mask):
    """The definition, head by head; `mask` (B, L, P + L) is True where a query sees a key."""
    batch, heads, _, width = query.shape
    out = torch.zeros_like(query)
    group = heads // key.shape[1]
    for row in range(batch):
        for head in range(heads):
            scores = torch.einsum("qk,pk->qp", query[row, head], key[row, head // group]) / width**0.5
            scores = scores.masked_fill(~mask[row], -torch.inf)
            out[row, head] = torch.einsum("qp,pk->qk", scores.softmax(-1), value[row, head // group])
    return out


def after(query, key, value, past):
    """Attention of a chunk behind one block."""
    return attend_after(query, key, value, [Block(*past, None)])


def causal(batch, past, length):
    return (torch.arange(past + length) <= past + torch.arange(length).unsqueeze(1)).expand(batch, -1, -1)


@pytest.fixture
def chunk(randn):
    def make(batch, heads, kv_heads, length):
        return (
            randn(batch, heads, length, 8),
            randn(batch, kv_heads, length, 8),
            randn(batch, kv_heads, length, 8),
        )

    return make


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
@pytest.mark.parametrize("length", [1, 2, 9])
def test_a_first_chunk_is_plain_causal_attention(chunk, heads, kv_heads, length):
    query, key, value = chunk(3, heads, kv_heads, length)
    expected = masked_softmax(query, key, value, causal(3, 0, length))
    torch.testing.assert_close(attend(query, key, value), expected, **EXACT)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
@pytest.mark.parametrize(("past", "length"), [(1, 1), (7, 1), (1, 5), (13, 6), (3, 40)])
def test_a_later_chunk_sees_the_past_whole_and_itself_causally(
    chunk, randn, heads, kv_heads, past, length, gradient
):
    query, key, value = chunk(2, heads, kv_heads, length)
    old = randn(2, kv_heads, past, 8), randn(2, kv_heads, past, 8)
    joined = [torch.cat(pair, dim=2) for pair in zip(old, (key, value), strict=True)]
    expected = masked_softmax(query, *joined, causal(2, past, length))
    query.requires_grad_(gradient)
    torch.testing.assert_close(after(query, key, value, old).detach(), expected, **EXACT)


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("repeats", [2, 3])
def test_rows_of_a_fork_share_one_past(chunk, randn, heads, kv_heads, length, repeats):
    query, key, value = chunk(2 * repeats, heads, kv_heads, length)
    shared = randn(2, kv_heads, 5, 8), randn(2, kv_heads, 5, 8)
    repeated = [part.repeat_interleave(repeats, dim=0) for part in shared]
    joined = [torch.cat(pair, dim=2) for pair in zip(repeated, (key, value), strict=True)]
    expected = masked_softmax(query, *joined, causal(2 * repeats, 5, length))
    torch.testing.assert_close(after(query, key, value, shared), expected, **EXACT)


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
def test_a_mask_over_past_and_chunk_is_obeyed(chunk, randn, heads, kv_heads):
    query, key, value = chunk(2, heads, kv_heads, 4)
    old = randn(2, kv_heads, 3, 8), randn(2, kv_heads, 3, 8)
    seen = causal(2, 3, 4).clone()
    seen[0, :, :2] = False
    seen[1, 2:, 3] = False
    joined = [torch.cat(pair, dim=2) for pair in zip(old, (key, value), strict=True)]
    expected = masked_softmax(query, *joined, seen)
    torch.testing.assert_close(attend(query, *joined, seen.unsqueeze(1)), expected, **EXACT)


def test_large_scores_do_not_overflow_where_two_parts_are_merged(chunk, randn):
    query, key, value = chunk(1, 2, 2, 6)
    old = 300 * randn(1, 2, 4, 8), randn(1, 2, 4, 8)
    key = 300 * key
    joined = torch.cat((old[0], key), 2), torch.cat((old[1], value), 2)
    expected = masked_softmax(query, *joined, causal(1, 4, 6))
    torch.testing.assert_close(after(query, key, value, old), expected, **EXACT)


@pytest.mark.parametrize(("past", "length"), [(0, 3), (4, 0), (0, 1)])
def test_an_empty_past_or_chunk_is_no_special_case(chunk, randn, past, length):
    query, key, value = chunk(2, 4, 2, length)
    old = randn(2, 2, past, 8), randn(2, 2, past, 8)
    joined = [torch.cat(pair, dim=2) for pair in zip(old, (key, value), strict=True)]
    expected = masked_softmax(query, *joined, causal(2, past, length))
    torch.testing.assert_close(after(query, key, value, old), expected, **EXACT)


def test_gradients_flow_to_the_past_and_the_chunk(chunk, randn):
    query, key, value = (part.requires_grad_() for part in chunk(1, 2, 1, 3))
    old = randn(1, 1, 2, 8).requires_grad_(), randn(1, 1, 2, 8).requires_grad_()

    def run(query, key, value, old_key, old_value):
        return after(query, key, value, (old_key, old_value))

    assert torch.autograd.gradcheck(run, (query, key, value, *old))


def rows_of(cache, batch):
    """The cache's keys with every row written out."""
    keys, _ = cache.joined()
    return keys.repeat_interleave(batch // len(keys), dim=0)


@pytest.mark.parametrize(
    "rows", [[0, 1, 2], [0, 0, 1, 1, 2, 2], [2, 1, 0], [1], [0, 0, 2], [1, 0, 1], [2, 2, 2, 0, 0, 0]]
)
def test_a_forked_cache_holds_the_chosen_rows_and_the_old_one_stays(randn, rows):
    keys, values = randn(3, 2, 4, 8), randn(3, 2, 4, 8)
    cache = KeyValueCache().appended(keys, values)
    forked = cache.fork(torch.tensor(rows), 3)
    assert torch.equal(rows_of(forked, len(rows)), keys[rows])
    assert torch.equal(rows_of(cache, 3), keys)


def test_a_fork_that_repeats_every_row_alike_copies_nothing(randn):
    keys = randn(3, 2, 4, 8)
    forked = KeyValueCache().appended(keys, keys).fork(torch.arange(3).repeat_interleave(5), 3)
    assert forked.joined()[0].data_ptr() == keys.data_ptr()


def test_a_fork_of_shared_rows_finds_the_rows_behind_them(randn):
    keys, new = randn(2, 1, 3, 8), randn(6, 1, 2, 8)
    shared = KeyValueCache().appended(keys, keys).fork(torch.arange(2).repeat_interleave(3), 2)
    again = shared.fork(torch.tensor([4, 0]), 6)
    assert torch.equal(rows_of(again, 2), keys[[1, 0]])
    grown = shared.appended(new, new)
    whole = torch.cat((keys.repeat_interleave(3, dim=0), new), dim=2)
    assert torch.equal(rows_of(grown, 6), whole)
    assert torch.equal(rows_of(grown.fork(torch.tensor([5, 2]), 6), 2), whole[[5, 2]])


def test_appending_leaves_the_old_cache_as_it_was(randn):
    first = KeyValueCache().appended(randn(1, 1, 2, 8), randn(1, 1, 2, 8))
    first.appended(randn(1, 1, 3, 8), randn(1, 1, 3, 8)).joined()
    assert first.joined()[0].shape[2] == 2
    assert KeyValueCache().joined() is None
    assert KeyValueCache().fork(torch.tensor([0, 0]), 1).joined() is None


def test_the_first_tokens_of_a_cache_are_views(randn):
    keys = randn(2, 1, 5, 8)
    short = KeyValueCache().appended(keys, keys).first(3)
    assert torch.equal(short.joined()[0], keys[:, :, :3])
    assert short.joined()[0].data_ptr() == keys.data_ptr()
    assert KeyValueCache().first(3).joined() is None


def test_a_cache_moves_to_another_dtype(randn):
    moved = KeyValueCache().appended(randn(1, 1, 2, 8), randn(1, 1, 2, 8)).to("cpu", torch.float32)
    assert {part.dtype for part in moved.joined()} == {torch.float32}
