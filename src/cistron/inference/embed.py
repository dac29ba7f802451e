"""What does the model see in each sequence? Hidden states, pooled to a vector or one for every position.

Padding, batches and chunks leave no trace in an embedding beyond rounding. See `docs/design/embeddings.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import Float

from cistron.inference.batching import by_length
from cistron.inference.chunks import chunk_tokens, read_chunks
from cistron.inference.embedding.hidden import Layer, layer_labels, layer_states, overlap, padded_ids
from cistron.inference.embedding.passages import Passage, checked_passages, in_blocks, tokens_ahead
from cistron.inference.embedding.pooling import Pool, Pooling, make_pool
from cistron.inference.planning.budget import Budget
from cistron.models import Model
from cistron.tokenizers import Tokenizer

EmbeddingStrands = Literal["forward", "both"]
_Vectors = dict[str, Float[np.ndarray, "*L D"]]


class Embedding(NamedTuple):
    """Hidden states of one sequence.

    Attributes:
        layers: Layer as it was asked for → its vector, or with `pooling="none"` one row for each position of
            the interval in the order of the forward strand. float32 (float64 from a float64 model).
        length: Bases of the sequence.
    """

    layers: dict[str, Float[np.ndarray, "*L D"]]
    length: int

    @property
    def vector(self) -> Float[np.ndarray, "*L D"]:
        """That of the first layer asked for; the only one by default."""
        return next(iter(self.layers.values()))


class EmbedOptions(TypedDict, total=False):
    """Keyword arguments of `embed`."""

    layers: Sequence[Layer] | None
    pooling: Pooling
    strands: EmbeddingStrands
    batch_tokens: int | Budget
    intervals: Iterable[tuple[int, int] | None] | None
    progress: Callable[[int], object] | None


def embed(
    model: Model,
    tokenizer: Tokenizer,
    sequences: Iterable[str],
    *,
    layers: Sequence[Layer] | None = None,
    pooling: Pooling = "mean",
    strands: EmbeddingStrands = "forward",
    batch_tokens: int | Budget = 16_384,
    intervals: Iterable[tuple[int, int] | None] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Embedding]:
    """Yield the embedding of each sequence, in order, reading a block of them ahead.

    Any length up to the model's context is read in bounded memory: hidden states are pooled chunk by chunk.
    With `pooling="none"` they are what is asked for, one row a position.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        sequences: Upper or lower case; N and other ambiguity codes are read, and pooled, as N.
        layers: Names or indices as `capture` takes them (0 is the embedding, -1 the last layer); None is the
            last hidden state after the final norm.
        pooling: `mean`, `max`, the `last` position in reading direction, or `none`.
        strands: `both` is the mean of the sequence's and its reverse complement's embeddings; positions are
            brought back to the order of the forward strand first.
        batch_tokens: Most tokens run together, halved when memory runs out; changes speed and memory, not the
            answers.
        intervals: Part of each sequence that is pooled, 0-based half-open on the forward strand; the whole
            sequence is read all the same. None, or None for a sequence: all of it.
        progress: Called with a number of tokens that were just read; `both` reads every sequence twice.

    Raises:
        SequenceError: A sequence is empty or holds something that is not a nucleotide code.
        OutOfBoundsError: An interval is empty or reaches beyond its sequence.
        WindowError: A sequence is longer than the model's context.
        UnknownNameError: No such layer.
        ValueError: There are more or fewer intervals than sequences.
    """
    budget = Budget.of(batch_tokens)
    read = partial(
        embed_passages, model, tokenizer, layers=layers, pooling=pooling, strands=strands, progress=progress
    )
    passages = checked_passages(model, tokenizer, sequences, intervals)
    ahead = tokens_ahead(budget.started, pooling)
    for block in in_blocks(passages, lambda passage: len(passage.text), ahead):
        yield from budget.run(lambda size, block=block: read(block, batch_tokens=size))


def embed_passages(
    model: Model,
    tokenizer: Tokenizer,
    passages: Sequence[Passage],
    *,
    layers: Sequence[Layer] | None = None,
    pooling: Pooling = "mean",
    strands: EmbeddingStrands = "forward",
    batch_tokens: int = 16_384,
    progress: Callable[[int], object] | None = None,
) -> list[Embedding]:
    """Embeddings of one block of passages that were checked before; see `embed`."""
    reader = _Reader(model, tokenizer, tuple(layers or ()), pooling, batch_tokens, progress or _ignore)
    return reader.embed(passages, strands)


def layer_widths(model: Model, tokenizer: Tokenizer, layers: Sequence[Layer] | None = None) -> dict[str, int]:
    """Layer, as `embed` names it → length of its vectors, found by reading one base.

    Raises:
        UnknownNameError: No such layer.
    """
    base = next(iter(tokenizer.nucleotide_ids))
    found = embed_passages(model, tokenizer, [Passage(base, 0, 1)], layers=layers)[0]
    return {name: len(vector) for name, vector in found.layers.items()}


@dataclass(frozen=True)
class _Reader:
    model: Model
    tokenizer: Tokenizer
    layers: tuple[Layer, ...]
    pooling: Pooling
    batch_tokens: int
    progress: Callable[[int], object]

    def embed(self, passages: Sequence[Passage], strands: EmbeddingStrands) -> list[Embedding]:
        """Embeddings of a block, in order."""
        found = self._read(passages)
        if strands == "both":
            reverse = self._read([passage.reverse_complemented() for passage in passages])
            for forward, other in zip(found, reverse, strict=True):
                _average(forward, other, flip=self.pooling == "none")
        return [Embedding(*pair) for pair in zip(found, (len(p.text) for p in passages), strict=True)]

    def _read(self, passages: Sequence[Passage]) -> list[_Vectors]:
        """One strand of a block."""
        results: list[_Vectors] = [{} for _ in passages]
        with torch.inference_mode():
            for batch in self._batches(passages):
                pools = self._run([passages[index] for index in batch])
                for index, pooled in zip(batch, pools, strict=True):
                    results[index] = {layer: pool.result() for layer, pool in pooled.items()}
        return results

    def _batches(self, passages: Sequence[Passage]) -> Iterator[list[int]]:
        """Rows of several chunks run alone: they need no mask then, and a chunk is work enough."""
        lengths = [len(passage.text) for passage in passages]
        chunk = chunk_tokens(self.batch_tokens)
        long = [index for index, length in enumerate(lengths) if length > chunk]
        short = [index for index, length in enumerate(lengths) if length <= chunk]
        batches = by_length([lengths[index] for index in short], self.batch_tokens)
        return chain(([index] for index in long), ([short[place] for place in batch] for batch in batches))

    def _run(self, passages: Sequence[Passage]) -> list[dict[str, Pool]]:
        """Pools of a batch, filled."""
        ids, lengths = padded_ids(self.model, self.tokenizer, [passage.text for passage in passages])
        labels = layer_labels(self.layers)
        pools = [{label: make_pool(self.pooling, p.end - p.start) for label in labels} for p in passages]
        last_only = self._wants_last_only(passages)
        options: dict[str, Any] = {"capture": self.layers, "logits": False, "last_only": last_only}
        size = chunk_tokens(self.batch_tokens)
        for columns, output in read_chunks(self.model, ids, size=size, lengths=lengths, **options):
            for label, states in layer_states(output, self.layers):
                for row, passage in enumerate(passages):
                    part = slice(0, 1) if last_only else overlap(columns, passage.start, passage.end)
                    if part.stop > part.start:
                        pools[row][label].add(states[row, part])
            del output, states  # or they would be held while the next chunk is read
            self.progress(sum(_read_of(columns, len(passage.text)) for passage in passages))
        return pools

    def _wants_last_only(self, passages: Sequence[Passage]) -> bool:
        """Whether the last token of every row is enough, which saves most of the last layer."""
        whole = all(passage.end == len(passage.text) for passage in passages)
        return self.pooling == "last" and not self.layers and whole


def _average(forward: _Vectors, reverse: _Vectors, *, flip: bool) -> None:
    """Put the mean of both strands in the place of `forward`; positions of `reverse` come last to first."""
    for layer, states in forward.items():
        other = reverse[layer]
        states += other[::-1] if flip else other
        states *= 0.5


def _read_of(columns: slice, length: int) -> int:
    """Tokens of a row of `length` that a chunk holds, padding not counted."""
    return max(0, min(int(columns.stop), length) - int(columns.start))


def _ignore(tokens: int) -> None:
    """Shows nothing."""
