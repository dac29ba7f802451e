"""Embeddings against hidden states of whole passes, pooled by numpy."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from cistron.errors import OutOfBoundsError, SequenceError, UnknownNameError, WindowError
from cistron.inference.embed import embed, layer_widths
from cistron.inference.embedding.passages import BLOCK, in_blocks
from cistron.inference.embedding.pooling import Pooling

POOL = {
    "mean": lambda states: states.mean(0),
    "max": lambda states: states.max(0),
    "last": lambda states: states[-1],
    "none": lambda states: states,
}
PAIRS = str.maketrans("ACGTNacgtn", "TGCANtgcan")


def states(model: Any, tokenizer: Any, text: str, layer: str | int | None = None) -> Any:
    """Hidden states of one sequence alone, in one pass: (L, D)."""
    ids = torch.from_numpy(tokenizer.encode(text)).unsqueeze(0)
    with torch.no_grad():
        output = model(ids, capture=() if layer is None else (layer,))
    found = output.hidden_states if layer is None else output.captured[str(layer)]
    return found[0].numpy()


@pytest.fixture(scope="module")
def sequences() -> list[str]:
    """Lengths 1 to 300, N, lower case, and one sequence twice."""
    rng = random.Random(3)
    texts = ["".join(rng.choices("ACGTN", k=length)) for length in (1, 2, 37, 300, 64, 299, 37)]
    return [*texts, texts[2].lower(), texts[3]]


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
def test_the_forward_strand_is_the_pooled_hidden_state(
    model: Any, tokenizer: Any, sequences: list[str], pooling: Pooling
) -> None:
    found = list(embed(model, tokenizer, sequences, pooling=pooling, batch_tokens=700))
    assert [each.length for each in found] == list(map(len, sequences))
    for text, each in zip(sequences, found, strict=True):
        np.testing.assert_allclose(
            each.vector, POOL[pooling](states(model, tokenizer, text)), rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
def test_both_strands_are_the_mean_with_the_reverse_complement_realigned(
    model: Any, tokenizer: Any, sequences: list[str], pooling: Pooling
) -> None:
    found = list(embed(model, tokenizer, sequences, pooling=pooling, strands="both"))
    for text, each in zip(sequences, found, strict=True):
        forward = POOL[pooling](states(model, tokenizer, text))
        reverse = POOL[pooling](states(model, tokenizer, text.translate(PAIRS)[::-1]))
        expected = (forward + (reverse[::-1] if pooling == "none" else reverse)) / 2
        np.testing.assert_allclose(each.vector, expected, rtol=1e-10, atol=1e-12)


def test_both_strands_give_the_same_vector_whichever_strand_is_given(
    model: Any, tokenizer: Any, sequences: list[str]
) -> None:
    turned = [text.translate(PAIRS)[::-1] for text in sequences]
    for one, other in zip(
        embed(model, tokenizer, sequences, strands="both"),
        embed(model, tokenizer, turned, strands="both"),
        strict=True,
    ):
        np.testing.assert_allclose(one.vector, other.vector, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
@pytest.mark.parametrize("strands", ["forward", "both"])
def test_an_interval_pools_a_part_of_the_whole_sequence_states(
    model: Any, tokenizer: Any, pooling: Pooling, strands: Any
) -> None:
    text = "ACGTTGCAACGTNACCGT"
    spans = [(0, 3), (5, 18), (7, 8), None]
    found = embed(model, tokenizer, [text] * 4, intervals=spans, pooling=pooling, strands=strands)
    for span, each in zip(spans, found, strict=True):
        start, end = span or (0, len(text))
        expected = POOL[pooling](states(model, tokenizer, text)[start:end])
        if strands == "both":
            other = states(model, tokenizer, text.translate(PAIRS)[::-1])[len(text) - end : len(text) - start]
            other = POOL[pooling](other)
            expected = (expected + (other[::-1] if pooling == "none" else other)) / 2
        np.testing.assert_allclose(each.vector, expected, rtol=1e-10, atol=1e-12)


def test_layers_come_by_index_and_by_name_under_the_names_they_were_asked_for(
    genos: Any, tokenizer: Any
) -> None:
    layers = [0, "model.layers.0", -1, "model.layers.1.self_attn"]
    found = next(embed(genos, tokenizer, ["ACGTACGT"], layers=layers))
    assert list(found.layers) == ["0", "model.layers.0", "-1", "model.layers.1.self_attn"]
    for layer in layers:
        expected = states(genos, tokenizer, "ACGTACGT", layer).mean(0)
        np.testing.assert_allclose(found.layers[str(layer)], expected, rtol=1e-10, atol=1e-12)
    assert layer_widths(genos, tokenizer, layers) == dict.fromkeys(found.layers, 32)


def test_the_last_layer_by_index_is_the_default(genos: Any, tokenizer: Any) -> None:
    default, last = (next(embed(genos, tokenizer, ["ACGGT"], layers=layers)) for layers in (None, [-1]))
    np.testing.assert_array_equal(default.vector, last.vector)


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
def test_long_sequences_are_read_in_chunks_with_the_same_result(
    model: Any, tokenizer: Any, pooling: Pooling, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(random.Random(4).choices("ACGT", k=200))
    options: Any = {"pooling": pooling, "strands": "both", "intervals": [(20, 190)]}
    whole = next(embed(model, tokenizer, [text], **options))
    monkeypatch.setattr("cistron.inference.chunks.CHUNK_TOKENS", 64)
    chunked = next(embed(model, tokenizer, [text], **options))
    np.testing.assert_allclose(chunked.vector, whole.vector, rtol=1e-9, atol=1e-11)


def test_float32_results_do_not_depend_on_the_batch(genos: Any, tokenizer: Any, sequences: list[str]) -> None:
    single = genos.float()
    try:
        together = list(embed(single, tokenizer, sequences))
        for text, each in zip(sequences, together, strict=True):
            alone = next(embed(single, tokenizer, [text], batch_tokens=1))
            assert each.vector.dtype == np.float32
            assert np.abs(each.vector - alone.vector).max() <= 1e-5 * np.abs(alone.vector).max()
    finally:
        genos.double()


def test_sequences_are_read_no_further_ahead_than_a_block(genos: Any, tokenizer: Any) -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield "ACGT"

    next(embed(genos, tokenizer, endless()))
    assert taken == BLOCK + 1


def test_blocks_depend_on_lengths_alone_and_are_bounded_in_tokens() -> None:
    blocks = list(in_blocks([5, 5, 5, 20, 1, 1], lambda item: item, 10))
    assert blocks == [[5, 5], [5], [20], [1, 1]]


def test_progress_counts_every_token_read(genos: Any, tokenizer: Any, sequences: list[str]) -> None:
    read: list[int] = []
    list(embed(genos, tokenizer, sequences, strands="both", batch_tokens=100, progress=read.append))
    assert sum(read) == 2 * sum(map(len, sequences))


def test_an_empty_sequence_is_refused_by_its_number(genos: Any, tokenizer: Any) -> None:
    with pytest.raises(SequenceError, match="sequence 1 is empty"):
        list(embed(genos, tokenizer, ["ACGT", ""]))


def test_a_foreign_letter_is_refused_with_sequence_and_place(genos: Any, tokenizer: Any) -> None:
    with pytest.raises(SequenceError, match="sequence 1: character 'U' at position 2"):
        list(embed(genos, tokenizer, ["ACGT", "ACU"]))


def test_a_sequence_beyond_the_context_is_refused(genos: Any, tokenizer: Any) -> None:
    with pytest.raises(WindowError, match="4,097 bases and the model reads 4,096"):
        list(embed(genos, tokenizer, ["A" * 4097]))


@pytest.mark.parametrize("interval", [(0, 0), (3, 2), (0, 5), (-1, 2)])
def test_an_interval_outside_its_sequence_is_refused(
    genos: Any, tokenizer: Any, interval: tuple[int, int]
) -> None:
    with pytest.raises(OutOfBoundsError, match="sequence 0 of 4 bases"):
        list(embed(genos, tokenizer, ["ACGT"], intervals=[interval]))


def test_a_different_number_of_intervals_is_refused(genos: Any, tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(embed(genos, tokenizer, ["ACGT", "AC"], intervals=[None]))


@pytest.mark.parametrize("layer", ["model.layers.7", 3, -4])
def test_an_unknown_layer_is_refused(genos: Any, tokenizer: Any, layer: str | int) -> None:
    with pytest.raises(UnknownNameError):
        layer_widths(genos, tokenizer, [layer])
