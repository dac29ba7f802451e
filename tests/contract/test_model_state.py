"""What every architecture promises of its state: chunked is whole, forks are independent."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.errors import InputError

EXACT = {"rtol": 0, "atol": 1e-10}
LENGTH = 24


def read(example, ids, cuts, **options):
    """Logits of `ids` read in chunks, and the state behind them; `options` are cut alike."""
    state, parts = example.model.empty_state(len(ids)), []
    for start, end in itertools.pairwise([0, *cuts, ids.shape[1]]):
        cut = {name: value[:, start:end] for name, value in options.items()}
        with torch.no_grad():
            output = example.model(ids[:, start:end], state, **cut)
        state = output.state
        parts.append(output.logits)
    return torch.cat(parts, 1), state


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, LENGTH), max_size=6).map(sorted), rows=st.integers(1, 3))
def test_chunks_of_any_size_give_the_whole(example, cuts, rows):
    ids = example.bases(rows, LENGTH)
    found, state = read(example, ids, cuts)
    torch.testing.assert_close(found, example.logits(ids), **EXACT)
    assert state.lengths.tolist() == [LENGTH] * rows


def test_one_token_at_a_time_gives_the_whole(example):
    ids = example.bases(2, LENGTH)
    found, _ = read(example, ids, range(1, LENGTH))
    torch.testing.assert_close(found, example.logits(ids), **EXACT)


def test_reading_with_gradients_gives_the_same(example):
    ids = example.bases(2, LENGTH)
    with torch.enable_grad():
        first = example.model(ids[:, :9], example.model.empty_state(2))
        second = example.model(ids[:, 9:], first.state)
    torch.testing.assert_close(second.logits.detach(), example.logits(ids)[:, 9:], **EXACT)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), rows=st.integers(2, 4), chunks=st.integers(1, 4))
def test_rows_of_mixed_length_continue_as_if_each_were_alone(example, data, rows, chunks):
    whole = example.bases(rows, 40, seed=9)
    sizes = [
        data.draw(st.lists(st.integers(0, 6), min_size=rows, max_size=rows).filter(any))
        for _ in range(chunks)
    ]
    state, parts = example.model.empty_state(rows), [[] for _ in range(rows)]
    read_so_far = [0] * rows
    for lengths in sizes:
        width = max(lengths)
        ids = torch.full((rows, width), 7)
        for row, (start, length) in enumerate(zip(read_so_far, lengths, strict=True)):
            ids[row, :length] = whole[row, start : start + length]
            read_so_far[row] += length
        with torch.no_grad():
            output = example.model(ids, state, lengths=torch.tensor(lengths))
        state = output.state
        for row, length in enumerate(lengths):
            parts[row].append(output.logits[row, :length])
    assert state.lengths.tolist() == read_so_far
    for row, length in enumerate(read_so_far):
        alone = example.logits(whole[row : row + 1, :length])[0]
        torch.testing.assert_close(torch.cat(parts[row]), alone, **EXACT)


ROWS = {
    "as they are": [0, 1, 2],
    "each repeated": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "one repeated": [1, 1, 1, 1],
    "permuted": [2, 0, 1],
    "a subset": [0, 2],
    "one left": [0],
    "unevenly repeated": [0, 2, 2, 1, 2],
    "returning": [0, 1, 0, 1],
}


@pytest.mark.parametrize("lengths", [None, [3, 8, 5]], ids=["equal", "ragged"])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_a_fork_continues_the_chosen_rows_and_leaves_the_original_usable(example, rows, lengths):
    past, future = example.bases(3, 8, 1), example.bases(9, 7, 2)[: len(rows)]
    read = lengths or [8, 8, 8]
    with torch.no_grad():
        start = example.model(past, example.model.empty_state(3), lengths=lengths and torch.tensor(lengths))
        forked = start.state.fork(torch.tensor(rows))
        assert forked.lengths.tolist() == [read[row] for row in rows]
        for part in (future[:, :4], future[:, 4:]):
            output = example.model(part, forked)
            forked = output.state
        after = example.model(past, start.state).logits
    for place, row in enumerate(rows):
        joined = torch.cat((past[row, : read[row]], future[place])).unsqueeze(0)
        torch.testing.assert_close(output.logits[place], example.logits(joined)[0, -3:], **EXACT)
    for row in range(3):
        joined = torch.cat((past[row, : read[row]], past[row])).unsqueeze(0)
        torch.testing.assert_close(after[row], example.logits(joined)[0, -8:], **EXACT)


@pytest.mark.parametrize("between", [0, 3])
@pytest.mark.parametrize(
    ("first", "second"),
    [([0, 0, 1, 1], [3, 0]), ([0, 0, 1, 1], [0, 0, 1, 1, 2, 2, 3, 3]), ([1, 0], [1, 1, 1, 0, 0, 0])],
)
def test_a_fork_of_a_fork_continues_the_right_rows(example, first, second, between):
    past, middle, future = example.bases(2, 6, 1), example.bases(4, between, 2), example.bases(8, 5, 3)
    middle, future = middle[: len(first)], future[: len(second)]
    with torch.no_grad():
        state = example.model(past, example.model.empty_state(2)).state.fork(torch.tensor(first))
        if between:
            state = example.model(middle, state).state
        found = example.model(future, state.fork(torch.tensor(second))).logits
    for place, row in enumerate(second):
        joined = torch.cat((past[first[row]], middle[row], future[place])).unsqueeze(0)
        torch.testing.assert_close(found[place], example.logits(joined)[0, -5:], **EXACT)


def test_two_forks_of_one_state_do_not_disturb_each_other(example):
    past, future = example.bases(2, 6, 1), example.bases(2, 5, 3)
    with torch.no_grad():
        state = example.model(past, example.model.empty_state(2)).state
        one, two = state.fork(torch.tensor([0, 1])), state.fork(torch.tensor([0, 1]))
        example.model(13 - future.clamp(max=8), one)
        found = example.model(future, two).logits
    torch.testing.assert_close(found, example.logits(torch.cat((past, future), 1))[:, 6:], **EXACT)


def test_rows_of_mixed_length_are_continued_token_by_token_as_if_each_were_alone(example):
    lengths = [7, 3, 5]
    past, future = example.bases(3, 7, 1), example.bases(3, 6, 2)
    with torch.no_grad():
        state = example.model(past, example.model.empty_state(3), lengths=torch.tensor(lengths)).state
        found = []
        for step in range(6):
            output = example.model(future[:, step : step + 1], state)
            state = output.state
            found.append(output.logits)
    assert state.lengths.tolist() == [length + 6 for length in lengths]
    for row, length in enumerate(lengths):
        joined = torch.cat((past[row, :length], future[row])).unsqueeze(0)
        alone = example.logits(joined)[:, length:]
        torch.testing.assert_close(torch.cat(found, 1)[row : row + 1], alone, **EXACT)


def test_rows_that_end_early_are_left_behind_and_the_others_go_on(example):
    ids = example.bases(3, 12, 3)
    with torch.no_grad():
        state = example.model(ids[:, :6], example.model.empty_state(3), lengths=torch.tensor([6, 2, 4])).state
        state = example.model(ids[:, 6:8], state, lengths=torch.tensor([2, 0, 1])).state
        found = example.model(ids[:2, 8:], state.fork(torch.tensor([2, 0]))).logits
    for place, (row, first, second) in enumerate([(2, 4, 1), (0, 6, 2)]):
        joined = torch.cat((ids[row, :first], ids[row, 6 : 6 + second], ids[place, 8:])).unsqueeze(0)
        torch.testing.assert_close(found[place], example.logits(joined)[0, -4:], **EXACT)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_state_of_a_tree_of_continuations_stays_what_it_was(example, data):
    with torch.no_grad():
        known = [(example.model.empty_state(1), torch.empty(1, 0, dtype=torch.long))]
        for step in range(data.draw(st.integers(1, 6))):
            state, read_before = known[data.draw(st.integers(0, len(known) - 1))]
            ids = example.bases(1, data.draw(st.integers(1, 5)), step)
            known.append((example.model(ids, state).state, torch.cat((read_before, ids), 1)))
        probe = example.bases(1, 2, 99)
        for state, read_before in known:
            whole = example.logits(torch.cat((read_before, probe), 1))
            torch.testing.assert_close(example.model(probe, state).logits, whole[:, -2:], **EXACT)


def test_a_state_made_in_inference_mode_is_continued_outside_of_it(example):
    ids = example.bases(2, 12)
    with torch.inference_mode():
        state = example.model(ids[:, :5], example.model.empty_state(2)).state
        state = example.model(ids[:, 5:6], state).state
    with torch.no_grad():
        found = example.model(ids[:, 6:], state).logits
    torch.testing.assert_close(found, example.logits(ids)[:, 6:], **EXACT)


def test_a_state_moves_to_another_dtype_and_device_and_keeps_what_it_knows(example):
    ids = example.bases(2, 12)
    with torch.no_grad():
        state = example.model(ids[:, :8], example.model.empty_state(2)).state
        there = state.to("cpu", torch.float32)
        back = there.to(dtype=torch.float64)
        found = example.model(ids[:, 8:], back).logits
    assert back.lengths.tolist() == state.lengths.tolist() == [8, 8]
    torch.testing.assert_close(found, example.logits(ids)[:, 8:], rtol=0, atol=1e-4)
    assert there.to("meta").lengths.device.type == "meta"


def test_moving_a_state_leaves_the_one_it_was_moved_from(example):
    ids = example.bases(2, 12)
    with torch.no_grad():
        state = example.model(ids[:, :8], example.model.empty_state(2)).state
        there = state.to(dtype=torch.bfloat16)
        example.model(ids[:, 8:], there.to(dtype=torch.float64))
        found = example.model(ids[:, 8:], state).logits
    torch.testing.assert_close(found, example.logits(ids)[:, 8:], **EXACT)


def test_a_state_that_is_kept_in_fewer_bits_gives_nearly_the_same(example):
    ids = example.bases(2, LENGTH)
    state = example.model.empty_state(2).to(dtype=torch.bfloat16)
    parts = []
    with torch.no_grad():
        for start in range(0, LENGTH, 6):
            output = example.model(ids[:, start : start + 6], state)
            state = output.state
            parts.append(output.logits)
    assert output.logits.dtype == torch.float64
    difference = (torch.cat(parts, 1).softmax(-1) - example.logits(ids).softmax(-1)).abs()
    # Not the largest: a router that is nearly undecided may send a token elsewhere.
    assert float(difference.amax(dim=-1).median()) < 0.01


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, LENGTH), max_size=3).map(sorted),
)
def test_documents_in_one_row_equal_separate_runs_in_chunks_of_any_size(example, sizes, cuts):
    total = sum(sizes)
    ids = example.bases(1, total, 4)
    # Numbers come back, which must not join what a boundary has parted.
    numbers = [number for number, size in zip([3, 1, 3, 0, 1], sizes, strict=False) for _ in range(size)]
    documents = torch.tensor([numbers])
    expected = torch.cat([example.logits(part) for part in ids.split(sizes, dim=1)], 1)
    torch.testing.assert_close(example.logits(ids, document_ids=documents), expected, **EXACT)
    cuts = [cut for cut in cuts if 0 < cut < total]
    chunked, _ = read(example, ids, cuts, document_ids=documents)
    torch.testing.assert_close(chunked, expected, **EXACT)


def test_documents_of_different_rows_part_at_different_places(example):
    ids = example.bases(2, 10, 6)
    documents = torch.tensor([[0] * 4 + [1] * 6, [0] * 7 + [1] * 3])
    expected = [
        torch.cat([example.logits(part) for part in row.unsqueeze(0).split(sizes, 1)], 1)
        for row, sizes in zip(ids, [[4, 6], [7, 3]], strict=True)
    ]
    torch.testing.assert_close(example.logits(ids, document_ids=documents), torch.cat(expected), **EXACT)


def test_a_forked_state_keeps_its_documents(example):
    ids = example.bases(2, 10, 7)
    documents = torch.tensor([[5] * 4 + [6] * 6, [5] * 3 + [6] * 7])
    with torch.no_grad():
        state = example.model(ids[:, :6], example.model.empty_state(2), document_ids=documents[:, :6]).state
        rows = torch.tensor([1, 1, 0])
        found = example.model(ids[rows, 6:], state.fork(rows), document_ids=documents[rows, 6:]).logits
    torch.testing.assert_close(found, example.logits(ids, document_ids=documents)[rows, 6:], **EXACT)


def test_a_foreign_state_is_refused(example):
    with pytest.raises(InputError, match="not a object"):
        example.model(example.bases(1, 3), object())
