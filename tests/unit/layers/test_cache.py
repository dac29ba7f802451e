"""The cache is a value: whoever holds one sees the same columns, whatever others read behind them."""

from __future__ import annotations

import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.layers import cache as cache_module
from cistron.layers.cache import Block, KeyValueCache


def chunk(length: int, start: int = 0, rows: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values that say which token and which row they are."""
    numbers = torch.arange(start, start + length).view(1, 1, -1, 1) + 1000.0 * torch.arange(rows).view(
        -1, 1, 1, 1
    )
    keys = numbers.expand(rows, 2, length, 4).clone()
    return keys, -keys


def tokens(cache: KeyValueCache) -> list[float]:
    """The numbers of the tokens that the first row holds."""
    joined = cache.joined()
    if joined is None:
        return []
    assert torch.equal(joined[0], -joined[1])
    return joined[0][0, 0, :, 0].tolist()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), block=st.integers(1, 40))
def test_every_cache_of_a_tree_of_continuations_keeps_its_own_tokens(data, block):
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(cache_module, "BLOCK_TOKENS", block)
        patch.setattr(cache_module, "_LEAST_ROOM", 4)
        known = [(KeyValueCache(), [])]
        for step in range(data.draw(st.integers(1, 12))):
            cache, expected = known[data.draw(st.integers(0, len(known) - 1))]
            length = data.draw(st.integers(0, 9))
            grown = cache.appended(*chunk(length, 100 * step))
            known.append((grown, expected + list(range(100 * step, 100 * step + length))))
            for each, held in known:
                assert tokens(each) == held


def test_reading_token_by_token_writes_into_memory_that_is_there():
    with torch.no_grad():
        cache = KeyValueCache().appended(*chunk(300))
        places = set()
        for step in range(200):
            cache = cache.appended(*chunk(1, 300 + step))
            places.add(cache.joined()[0].data_ptr())
    assert tokens(cache) == list(range(500))
    assert len(cache.blocks()) == 1
    assert len(places) == 1


def test_large_chunks_are_kept_as_they_are():
    keys, values = chunk(8192)
    more = chunk(8192, 8192)
    with torch.no_grad():
        cache = KeyValueCache().appended(keys, values).appended(*more)
    assert [block.keys.data_ptr() for block in cache.blocks()] == [keys.data_ptr(), more[0].data_ptr()]


def test_the_part_of_a_larger_tensor_is_copied_so_that_the_rest_can_go():
    whole = torch.zeros(1, 8, 5, 4)
    with torch.no_grad():
        cache = KeyValueCache().appended(whole[:, :2], whole[:, 2:4])
    assert cache.nbytes == 2 * 1 * 2 * 5 * 4 * 4
    assert cache.blocks()[0].keys.untyped_storage().nbytes() == 1 * 2 * 5 * 4 * 4


def test_growing_gives_the_old_memory_back_though_older_caches_live():
    with torch.no_grad():
        first = KeyValueCache().appended(*chunk(100))
        second = first.appended(*chunk(60, 100))
    assert first.blocks()[0].keys.data_ptr() == second.blocks()[0].keys.data_ptr()
    assert tokens(first) == list(range(100))


def test_nothing_is_written_behind_what_was_read_with_gradients():
    keys, values = (part.requires_grad_() for part in chunk(5))
    cache = KeyValueCache().appended(keys, values).appended(*(part.requires_grad_() for part in chunk(3, 5)))
    total = cache.joined()[0].sum()
    with torch.no_grad():
        later = cache.appended(*chunk(2, 8))
    total.backward()
    assert torch.equal(keys.grad, torch.ones_like(keys))
    assert tokens(later) == list(range(10))


def test_a_cache_made_in_inference_mode_is_continued_outside_of_it():
    with torch.inference_mode():
        cache = KeyValueCache().appended(*chunk(5)).appended(*chunk(1, 5))
    with torch.no_grad():
        assert tokens(cache.appended(*chunk(2, 6))) == list(range(8))
    assert tokens(cache) == list(range(6))


def test_threads_that_continue_one_cache_do_not_write_over_each_other():
    with torch.no_grad():
        start = KeyValueCache().appended(*chunk(10))
    found = {}

    def read(number: int) -> None:
        with torch.no_grad():
            cache = start
            for step in range(50):
                cache = cache.appended(*chunk(1, 1000 * number + step))
        found[number] = tokens(cache)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(1, 7):
        assert found[number] == [*range(10), *range(1000 * number, 1000 * number + 50)]


def test_rows_that_share_a_past_keep_sharing_it_while_they_part():
    with torch.no_grad():
        past = KeyValueCache().appended(*chunk(6, rows=2))
        forked = past.fork(torch.tensor([0, 0, 0, 1, 1, 1]), 2)
        parted = forked.appended(*chunk(1, 6, rows=6)).appended(*chunk(1, 7, rows=6))
    shared, own = parted.blocks()
    assert shared.keys.data_ptr() == past.blocks()[0].keys.data_ptr()
    assert len(shared.keys) == 2
    assert own.keys[:, 0, :, 0].tolist() == [[6 + 1000 * row, 7 + 1000 * row] for row in range(6)]


def test_columns_that_are_nobodys_are_marked_and_go_with_the_rows_that_had_others():
    valid = torch.tensor([[True, True, True], [True, False, False]])
    with torch.no_grad():
        cache = KeyValueCache().appended(*chunk(3, rows=2), valid).appended(*chunk(1, 3, rows=2))
    assert cache.valid(2).tolist() == [[True] * 4, [True, False, False, True]]
    short = cache.fork(torch.tensor([1]), 2)
    assert tokens(short) == [1000, 1003]
    assert short.valid(1) is None
    assert cache.fork(torch.tensor([1, 0]), 2).valid(2).tolist() == [[True, False, False, True], [True] * 4]


def test_a_cache_in_another_dtype_keeps_later_chunks_in_it_too():
    with torch.no_grad():
        cache = KeyValueCache().to(dtype=torch.bfloat16).appended(*chunk(3)).appended(*chunk(9000))
    assert {block.keys.dtype for block in cache.blocks()} == {torch.bfloat16}
    assert cache.nbytes == 2 * 9003 * 2 * 4 * 2
    assert cache.to("cpu").blocks()[0].keys.dtype == torch.bfloat16


def test_a_cache_is_made_of_blocks_and_gives_them_back():
    block = Block(*chunk(4, rows=2), torch.ones(2, 4, dtype=torch.bool))
    assert KeyValueCache([block]).blocks() == [block]
    assert KeyValueCache().joined() is None
    assert KeyValueCache().nbytes == 0


def test_the_first_columns_are_seen_without_a_copy():
    with torch.no_grad():
        cache = KeyValueCache().appended(*chunk(9000)).appended(*chunk(5, 9000))
        short = cache.first(9002)
        assert tokens(short)[-1] == 9001
        assert short.blocks()[0].keys.data_ptr() == cache.blocks()[0].keys.data_ptr()
        assert tokens(short.appended(*chunk(1, 7)))[-2:] == [9001, 7]
    assert tokens(cache)[-3:] == [9002, 9003, 9004]
