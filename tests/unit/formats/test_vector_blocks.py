"""Rows of vectors in blocks of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.formats.vector_blocks import Block, RowStream, count_rows, gather_rows


def rows(count: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(count, width)).astype(np.float32) for name, width in (("a", 3), ("b", 5))}


def test_rows_survive_being_packed() -> None:
    before, after = rows(4, 1), Block.unpack(Block(512, rows(4, 1)).pack())
    assert after.batch_tokens == 512
    assert set(after.rows) == {"a", "b"}
    for name, values in before.items():
        np.testing.assert_array_equal(after.rows[name], values)


@given(counts=st.lists(st.integers(1, 12), min_size=1, max_size=20), most=st.integers(1, 400))
def test_records_come_out_of_blocks_as_they_went_in(counts: list[int], most: int) -> None:
    records = [rows(count, seed) for seed, count in enumerate(counts)]
    blocks = list(gather_rows(records, most))
    assert all(sum(v.nbytes for v in block.values()) <= max(32, 2 * most) for block in blocks)
    stream = RowStream(Block(1, block).pack() for block in blocks)
    for count, record in zip(counts, records, strict=True):
        pieces = list(stream.take(count))
        assert sum(map(count_rows, pieces)) == count
        for name, values in record.items():
            np.testing.assert_array_equal(np.concatenate([piece[name] for piece in pieces]), values)


def test_taking_more_than_there_is_is_an_error() -> None:
    with pytest.raises(ValueError, match="lack 1 rows"):
        list(RowStream([Block(1, rows(2, 1)).pack()]).take(3))
