"""What every architecture's embeddings must not depend on, in float64."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from cistron.inference.embed import embed
from cistron.tokenizers import TOKENIZERS

SEQUENCES = ["".join(random.Random(6).choices("AACGTN", k=length)) for length in (1, 90, 33, 33, 200, 7, 150)]


def embedded(example: Any, sequences: list[str], **options: Any) -> list[Any]:
    tokenizer = TOKENIZERS.get(example.spec.tokenizer)()
    return [each.vector for each in embed(example.model, tokenizer, sequences, **options)]


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
def test_embeddings_do_not_depend_on_batch_order_or_chunks(
    example: Any, pooling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [
        vector for text in SEQUENCES for vector in embedded(example, [text], pooling=pooling, strands="both")
    ]
    together = embedded(example, SEQUENCES, pooling=pooling, strands="both")
    backwards = embedded(example, SEQUENCES[::-1], pooling=pooling, strands="both", batch_tokens=150)[::-1]
    monkeypatch.setattr("cistron.inference.chunks.CHUNK_TOKENS", 40)
    chunked = embedded(example, SEQUENCES, pooling=pooling, strands="both")
    for other in (together, backwards, chunked):
        for one, another in zip(alone, other, strict=True):
            np.testing.assert_allclose(one, another, rtol=1e-8, atol=1e-9 * np.abs(one).max())


def test_positions_see_nothing_that_follows(example: Any) -> None:
    tokenizer_sees = embedded(example, [SEQUENCES[4], SEQUENCES[4][:120] + "A" * 80], pooling="none")
    np.testing.assert_allclose(*(vector[:120] for vector in tokenizer_sees), rtol=1e-8, atol=1e-10)
