"""Hidden states as verbs ask for them: which layers, by what name, from texts of mixed length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cistron.models import Model, Output
from cistron.tokenizers import Tokenizer

Layer = str | int
"""A published name or an index: 0 is the embedding, -1 the last layer after the final norm."""

LAST: Final = "hidden_states"
"""What the last hidden state after the final norm is called when no layer was asked for."""


def layer_labels(layers: Sequence[Layer]) -> tuple[str, ...]:
    """What the layers are called in results: as they were asked for."""
    return tuple(dict.fromkeys(map(str, layers))) or (LAST,)


def layer_states(output: Output, layers: Sequence[Layer]) -> Iterable[tuple[str, Float[Tensor, "B L D"]]]:
    """Label and states of each layer, from the output of a pass with `capture=layers`."""
    return output.captured.items() if layers else [(LAST, output.hidden_states)]


def padded_ids(
    model: Model, tokenizer: Tokenizer, texts: Sequence[str]
) -> tuple[Int[Tensor, "B L"], Int[Tensor, "B"] | None]:
    """Token ids on the model's device, right-padded, and real lengths; None when all are equal."""
    rows = [tokenizer.encode(text) for text in texts]
    lengths = [len(row) for row in rows]
    padded = np.full((len(rows), max(lengths)), tokenizer.pad_id, dtype=np.int64)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    device = model.empty_state(1).lengths.device
    equal = min(lengths) == max(lengths)
    return torch.from_numpy(padded).to(device), None if equal else torch.tensor(lengths, device=device)


def overlap(columns: slice, start: int, stop: int) -> slice:
    """The part of a chunk that lies in `start:stop` of its sequence, counted within the chunk."""
    first, last = max(columns.start, start), min(columns.stop, stop)
    return slice(first - columns.start, max(first, last) - columns.start)
