from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import WindowError
from cistron.genome.tiling import Tile, Tiling, in_shards

tilings = st.builds(Tiling, st.integers(1, 12), st.integers(0, 12))
lengths = st.integers(0, 90)


@given(tilings, lengths, st.booleans())
def test_every_base_is_predicted_once_and_in_order(tiling, length, circular):
    tiles = list(tiling.tiles(length, circular=circular))
    assert [base for tile in tiles for base in range(tile.start, tile.end)] == list(range(length))
    assert all(len(tile) > 0 for tile in tiles)


@given(tilings, lengths)
def test_every_base_has_the_context_before_it_that_the_sequence_has(tiling, length):
    for tile in tiling.tiles(length):
        assert 0 <= tile.left <= max(tile.start - tiling.context, 0)
        assert length >= tile.right >= min(tile.end + tiling.context, length)


@given(tilings, lengths, st.booleans())
def test_no_strand_reads_more_than_a_window_at_once(tiling, length, circular):
    for tile in tiling.tiles(length, circular=circular):
        assert max(tile.end - tile.left, tile.right - tile.start) <= tiling.window
        assert tile.tokens(1) == tile.end - tile.left
        assert tile.tokens(2) == tile.end - tile.left + tile.right - tile.start


@given(tilings, st.integers(1, 90), st.data(), st.booleans())
def test_a_stretch_is_read_in_the_windows_of_the_whole_sequence(tiling, length, data, circular):
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start, length))
    whole = list(tiling.tiles(length, circular=circular))
    tiles = list(tiling.tiles_of(start, end, length, circular=circular))
    assert [base for tile in tiles for base in range(tile.start, tile.end)] == list(range(start, end))
    for tile in tiles:
        assert any(
            (tile.left, tile.right) == (each.left, each.right)
            and each.start <= tile.start
            and tile.end <= each.end
            for each in whole
        )


@given(tilings, st.integers(1, 90))
def test_a_circular_window_reaches_across_the_ends_and_reads_no_base_twice(tiling, length):
    for tile in tiling.tiles(length, circular=True):
        around = min(tiling.context, length - len(tile))
        assert (tile.left, tile.right) == (tile.start - around, tile.end + around)


@given(tilings, lengths)
def test_blocks_are_counted_without_making_them(tiling, length):
    assert tiling.count(length) == len(list(tiling.tiles(length)))


def test_a_sequence_that_fits_into_a_window_is_one_block():
    assert list(Tiling(4, 6).tiles(10)) == [Tile(0, 10, 0, 10)]
    assert len(list(Tiling(4, 6).tiles(11))) == 3


@pytest.mark.parametrize(("width", "block", "context"), [(2048, 1024, 1024), (9, 5, 4)])
def test_half_of_a_width_is_context(width, block, context):
    assert Tiling.of_width(width) == Tiling(block, context)


@pytest.mark.parametrize("stride", [0, -3, 101])
def test_a_stride_that_would_leave_bases_out_is_refused(stride):
    with pytest.raises(WindowError, match="use 1 to 100"):
        Tiling.of_stride(100, stride)


def test_windows_side_by_side_have_no_context():
    assert Tiling.of_stride(100, 100) == Tiling(100, 0)


@given(st.lists(st.integers(0, 9)), st.integers(1, 25), st.none() | st.integers(1, 5))
def test_shards_hold_everything_in_order_and_are_as_large_as_they_must_be(items, least, most):
    shards = list(in_shards(items, lambda item: item, least, most=most))
    assert [item for shard in shards for item in shard] == items
    for shard in shards:
        assert sum(shard[:-1]) < least
        assert most is None or len(shard) <= most
    for shard in shards[:-1]:
        assert sum(shard) >= least or len(shard) == most


@given(st.lists(st.integers(0, 9)), st.integers(1, 25), st.data())
def test_a_run_taken_up_at_a_shard_goes_on_with_the_same_shards(items, least, data):
    shards = list(in_shards(items, lambda item: item, least))
    done = data.draw(st.integers(0, len(shards)))
    rest = items[sum(map(len, shards[:done])) :]
    assert list(in_shards(rest, lambda item: item, least)) == shards[done:]
