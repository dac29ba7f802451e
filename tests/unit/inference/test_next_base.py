from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cistron.genome.sequence import reverse_complement
from cistron.inference.next_base import Block, base_codes, next_base_log_probabilities, picked, predict_blocks

TEXT = "ACGTTGACNNGTACCATTRAGGCATACGATTTACAGN"


def expected(model, tokenizer, text: str, start: int, stop: int) -> np.ndarray:
    """Log-probabilities of the four bases straight from the definition: one pass over every prefix."""
    rows = []
    for at in range(start, stop):
        if at == 0:
            rows.append([math.nan] * 4)
            continue
        ids = torch.from_numpy(tokenizer.encode(text[:at])).unsqueeze(0)
        with torch.no_grad():
            last = model(ids).logits[0, -1].log_softmax(-1)
        rows.append([float(last[tokenizer.nucleotide_ids[base]]) for base in "ACGT"])
    found = np.array(rows)
    found[[letter not in "ACGT" for letter in text[start:stop]]] = math.nan
    return found


def mirrored(values: np.ndarray) -> np.ndarray:
    """What was read on the minus strand, in plus-strand order and letters: A with T, C with G."""
    return values[::-1][:, [3, 2, 1, 0]]


@pytest.mark.parametrize(("start", "stop"), [(0, len(TEXT)), (9, 30), (4, 5), (36, 37)])
def test_the_plus_strand_expects_what_every_prefix_predicts(model, tokenizer, start, stop):
    (found,) = predict_blocks(model, tokenizer, [Block(TEXT, start, stop)], batch_tokens=100)
    np.testing.assert_allclose(found.log_p, expected(model, tokenizer, TEXT, start, stop), rtol=0, atol=1e-10)


def test_the_minus_strand_is_the_reading_of_the_reverse_complement(model, tokenizer):
    block = Block(TEXT, 9, 30)
    (both,) = predict_blocks(model, tokenizer, [block], strands="both", batch_tokens=100)
    (plus,) = predict_blocks(model, tokenizer, [block], batch_tokens=100)
    other = reverse_complement(TEXT)
    minus = mirrored(expected(model, tokenizer, other, len(TEXT) - 30, len(TEXT) - 9))
    np.testing.assert_allclose(both.log_p, (plus.log_p + minus) / 2, rtol=0, atol=1e-10)


def test_the_ends_of_a_sequence_take_the_one_strand_that_has_read_something(model, tokenizer):
    text = "GATTACA"
    (both,) = predict_blocks(model, tokenizer, [Block(text, 0, 7)], strands="both", batch_tokens=100)
    plus = expected(model, tokenizer, text, 0, 7)
    minus = mirrored(expected(model, tokenizer, reverse_complement(text), 0, 7))
    np.testing.assert_allclose(both.log_p[0], minus[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(both.log_p[-1], plus[-1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(both.log_p[3], (plus[3] + minus[3]) / 2, rtol=0, atol=1e-10)


def test_entropy_is_that_of_the_four_bases_among_themselves(model, tokenizer):
    (found,) = predict_blocks(model, tokenizer, [Block(TEXT, 1, 8)], batch_tokens=100)
    p = np.exp(found.log_p) / np.exp(found.log_p).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.entropy, -(p * np.log(p)).sum(axis=1), rtol=0, atol=1e-12)
    assert (found.entropy <= math.log(4)).all()


def test_entropy_of_both_strands_is_the_mean_of_the_two(model, tokenizer):
    text = TEXT[:8]
    both, plus = (
        predict_blocks(model, tokenizer, [Block(text, 1, 7)], strands=strands, batch_tokens=100)[0].entropy
        for strands in ("both", "forward")
    )
    block = Block(reverse_complement(text), 1, 7)
    (minus,) = predict_blocks(model, tokenizer, [block], batch_tokens=100)
    np.testing.assert_allclose(both, (plus + minus.entropy[::-1]) / 2, rtol=0, atol=1e-12)


def test_places_without_a_base_have_no_value(model, tokenizer):
    (found,) = predict_blocks(model, tokenizer, [Block(TEXT, 1, 37)], strands="both", batch_tokens=100)
    unknown = [letter not in "ACGT" for letter in TEXT[1:]]
    assert (np.isnan(found.log_p).all(axis=1) == unknown).all()
    assert (np.isnan(found.entropy) == unknown).all()


def test_blocks_without_any_base_are_not_read(tokenizer):
    (found,) = predict_blocks(None, tokenizer, [Block("ACNNNNGT", 2, 6)], strands="both", batch_tokens=100)
    assert np.isnan(found.log_p).all()
    assert found.log_p.shape == (4, 4)


@pytest.mark.parametrize("strands", ["forward", "both"])
@pytest.mark.parametrize("batch_tokens", [1, 40, 10_000])
def test_a_batch_changes_nothing(model, tokenizer, strands, batch_tokens):
    blocks = [Block(TEXT[i:], i // 2, len(TEXT) - i) for i in range(0, 36, 5)] + [Block("A", 0, 1)]
    alone = [predict_blocks(model, tokenizer, [each], strands=strands, batch_tokens=1)[0] for each in blocks]
    together = predict_blocks(model, tokenizer, blocks, strands=strands, batch_tokens=batch_tokens)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.log_p, other.log_p, rtol=0, atol=1e-8)
        np.testing.assert_allclose(one.entropy, other.entropy, rtol=0, atol=1e-8)


@pytest.mark.parametrize("size", [1, 5, 36, 37])
def test_chunks_change_nothing(model, tokenizer, monkeypatch, size):
    readings = [(TEXT, 11), (TEXT[:20], 0), (TEXT[3:], 30)]
    whole = next_base_log_probabilities(model, tokenizer, readings, batch_tokens=1000)
    monkeypatch.setattr("cistron.inference.chunks.CHUNK_TOKENS", size)
    found = next_base_log_probabilities(model, tokenizer, readings, batch_tokens=1000)
    for one, other in zip(whole, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)


def test_lower_case_is_read_like_upper_case(genos, tokenizer):
    upper, lower = predict_blocks(
        genos, tokenizer, [Block("GATTACA", 1, 7), Block("gattaca", 1, 7)], batch_tokens=1
    )
    np.testing.assert_array_equal(upper.log_p, lower.log_p)


def test_codes_and_picking_leave_what_is_no_base_out():
    codes = base_codes("aCgTNé")
    assert codes.tolist() == [0, 1, 2, 3, -1, -1]
    values = np.arange(24.0).reshape(6, 4)
    np.testing.assert_array_equal(picked(values, codes), [0, 5, 10, 15, math.nan, math.nan])
