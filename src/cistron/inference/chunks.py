"""Read sequences of any length chunk by chunk: memory for a chunk's activations and the State, no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from cistron.models import Model, Output, State

CHUNK_TOKENS = 8192
"""Tokens of a row that are read at once."""

LEAST_TOKENS = 256
"""Fewer are not run together: reading would be slower by far and need hardly less memory."""


def chunk_tokens(batch_tokens: int) -> int:
    """Tokens of a row to read at once where `batch_tokens` run together: fewer where memory is short."""
    return min(CHUNK_TOKENS, 2 * max(batch_tokens, LEAST_TOKENS))


def read_chunks(
    model: Model,
    input_ids: Int[Tensor, "B L"],
    state: State | None = None,
    *,
    size: int = CHUNK_TOKENS,
    lengths: Int[Tensor, "B"] | None = None,
    cache_dtype: torch.dtype | None = None,
    **forward: Any,
) -> Iterator[tuple[slice, Output]]:
    """Yield each chunk's columns and output; the last output holds the state behind the whole input.

    What the model returns for a chunk is dropped when the caller drops it, so reduce it before asking for the
    next. With `last_only`, only the last chunk is asked for logits.

    Args:
        model: Implements `cistron.models.Model`.
        input_ids: Right-padded where rows differ in length.
        state: Continue from here; None reads whole sequences. Input of one chunk then keeps no state at all.
        size: Most tokens of a row in a chunk; changes results by rounding only.
        lengths: Real tokens per row; all of them when None.
        cache_dtype: What the State keeps its numbers in, such as bfloat16 for half the memory; those of the
            model's arithmetic when None. See `docs/design/length.md` for the error.
        **forward: Further arguments of the model, such as `capture` or `logits`.
    """
    length = input_ids.shape[1]
    if state is None and length > size:
        state = model.empty_state(len(input_ids))
    if state is not None and cache_dtype is not None:
        state = state.to(dtype=cache_dtype)
    for start in range(0, max(length, 1), size):
        columns = slice(start, min(start + size, length))
        options = dict(forward)
        if lengths is not None:
            options["lengths"] = (lengths - start).clamp(0, columns.stop - start)
        elif forward.get("last_only") and columns.stop < length:
            options["logits"] = False
        output = model(input_ids[:, columns], state, **options)
        state = output.state
        yield columns, output
        del output  # or it would be held while the next chunk is read
