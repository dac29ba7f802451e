from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cistron.inference.batching import by_length


@given(st.lists(st.integers(0, 500), max_size=40), st.integers(1, 1000))
def test_everything_runs_once_in_batches_that_fit(lengths: list[int], batch_tokens: int) -> None:
    batches = by_length(lengths, batch_tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= batch_tokens


def test_equal_lengths_fill_a_batch() -> None:
    assert by_length([10] * 5, 20) == [[0, 1], [2, 3], [4]]


def test_similar_lengths_run_together() -> None:
    assert by_length([100, 1, 99, 2], 200) == [[0, 2], [3, 1]]
