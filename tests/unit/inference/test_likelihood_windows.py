"""Sequences longer than a window, both strands, and text that comes in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import SequenceError, WindowError
from cistron.genome.sequence import reverse_complement
from cistron.genome.tiling import Tiling
from cistron.inference.likelihood import Likelihood, log_likelihood, ref_log_p, sequence_blocks
from cistron.inference.next_base import Block


def text(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGTN"), length, p=[0.24] * 4 + [0.04]))


def scores(oracle, sequence: str) -> np.ndarray:
    return np.array(oracle.scores(sequence)) if sequence else np.empty(0)


@pytest.mark.parametrize(("window", "stride"), [(20, 10), (20, 20), (20, 1), (33, 7), (100, 50)])
def test_each_base_is_scored_once_behind_the_context_that_the_stride_leaves(
    model, tokenizer, make_oracle, window, stride
):
    oracle, sequence = make_oracle(model, 0), text(97)
    expected = []
    for start in range(0, len(sequence), stride) if len(sequence) > window else [0]:
        left = max(0, start - (window - stride))
        stop = start + stride if len(sequence) > window else len(sequence)
        expected += list(scores(oracle, sequence[left:stop])[start - left :])
    (found,) = log_likelihood(model, tokenizer, [sequence], window=window, stride=stride)
    assert found.total == pytest.approx(np.nansum(expected), abs=1e-8)
    assert found.bases == np.isfinite(expected).sum()


def test_both_strands_are_averaged_base_by_base(model, tokenizer, make_oracle):
    oracle, sequence = make_oracle(model, 0), text(60, 1)
    plus, minus = scores(oracle, sequence), scores(oracle, reverse_complement(sequence))[::-1]
    mean = np.where(np.isnan(plus), minus, np.where(np.isnan(minus), plus, (plus + minus) / 2))
    (found,) = log_likelihood(model, tokenizer, [sequence], strands="both")
    assert found.total == pytest.approx(np.nansum(mean), abs=1e-8)
    assert found.bases == sum(base != "N" for base in sequence)


def test_both_strands_of_either_strand_are_the_same(model, tokenizer):
    sequence = text(80, 2)
    here, there = log_likelihood(
        model, tokenizer, [sequence, reverse_complement(sequence)], strands="both", window=20, stride=10
    )
    assert here.total == pytest.approx(there.total, abs=1e-8)
    assert here.bases == there.bases


def test_answers_come_one_for_one_however_long_the_sequences(model, tokenizer):
    sequences = [text(size, size) for size in (0, 3, 70, 0, 1, 200, 20, 21)]
    together = list(log_likelihood(model, tokenizer, sequences, window=20, stride=5, block=4))
    for sequence, found in zip(sequences, together, strict=True):
        (alone,) = log_likelihood(model, tokenizer, [sequence], window=20, stride=5)
        assert found.total == pytest.approx(alone.total, abs=1e-8)
        assert found.bases == alone.bases


def test_the_window_is_the_models_context_unless_it_is_given(genos, tokenizer, make_oracle):
    longest = genos.config.context_length
    sequence = text(longest + 100, 3)
    default, asked, half = (
        next(log_likelihood(genos, tokenizer, [sequence], **options))
        for options in ({}, {"window": longest, "stride": longest // 2}, {"stride": longest // 4})
    )
    assert default == asked
    assert abs(default.total - half.total) > 1e-6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"window": 10**9}, "exceeds the model's context"),
        ({"window": 20, "stride": 21}, "a stride of 21 bp does not fit windows of 20 bp; use 1 to 20"),
        ({"window": 20, "stride": 0}, "use 1 to 20"),
    ],
)
def test_windows_that_cannot_be_are_refused(genos, tokenizer, options, told):
    with pytest.raises(WindowError, match=told):
        next(log_likelihood(genos, tokenizer, ["ACGT"], **options))


def test_a_bad_letter_is_named_by_its_place_in_the_whole_sequence(genos, tokenizer):
    with pytest.raises(SequenceError, match="'!' at position 90"):
        list(log_likelihood(genos, tokenizer, ["ACGT", "A" * 90 + "!" + "A" * 9], window=20, stride=10))


def test_perplexity_is_four_for_a_guess_and_nan_for_nothing():
    assert Likelihood(-10 * math.log(4), 10).perplexity == pytest.approx(4)
    assert math.isnan(Likelihood(0.0, 0).perplexity)


tilings = st.builds(Tiling, st.integers(1, 12), st.integers(0, 12))


@given(tilings, st.integers(0, 70), st.data())
def test_pieces_of_any_length_give_the_blocks_of_the_whole(tiling, length, data):
    sequence = text(length, length)
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=6)))
    pieces = [sequence[low:high] for low, high in zip([0, *cuts], [*cuts, length], strict=True)]
    found = list(sequence_blocks(pieces, tiling))
    assert found == [
        Block(sequence[tile.left : tile.right], tile.start - tile.left, tile.end - tile.left)
        for tile in tiling.tiles(length)
    ]


def test_an_endless_sequence_is_read_in_flat_memory():
    def endless() -> Iterator[str]:
        while True:
            yield "ACGTACG"

    blocks = sequence_blocks(endless(), Tiling(10, 6))
    for _, block in zip(range(500), blocks, strict=False):
        assert len(block.text) <= 22
    assert len(blocks.gi_frame.f_locals["text"]) <= 16 + 16 + 7


def test_the_values_of_a_block_are_those_that_the_total_adds_up(model, tokenizer):
    sequence = text(50, 4)
    blocks = list(sequence_blocks([sequence], Tiling(8, 8)))
    values = np.concatenate(ref_log_p(model, tokenizer, blocks, strands="both", batch_tokens=64))
    (found,) = log_likelihood(model, tokenizer, [sequence], strands="both", window=16, stride=8)
    assert found.total == pytest.approx(np.nansum(values), abs=1e-8)
    assert np.isnan(values).tolist() == [base == "N" for base in sequence]
