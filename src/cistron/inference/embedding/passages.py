"""Sequences on their way into a model: checked, with the part that is wanted, and gathered in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from cistron.errors import OutOfBoundsError, SequenceError, WindowError
from cistron.genome.sequence import reverse_complement
from cistron.inference.embedding.pooling import Pooling
from cistron.models import Model
from cistron.tokenizers import Tokenizer

T = TypeVar("T")

BLOCK: Final = 256
"""Most sequences that are batched together. What runs together depends on the sequences' order and lengths
alone, so a resumed run repeats the very same batches."""

_BATCHES_AHEAD: Final = 16


@dataclass(frozen=True)
class Passage:
    """A sequence and the part of it whose states are wanted, 0-based half-open."""

    text: str
    start: int
    end: int

    def reverse_complemented(self) -> Passage:
        """The same bases read on the other strand."""
        length = len(self.text)
        return Passage(reverse_complement(self.text), length - self.end, length - self.start)


def checked_passage(
    model: Model, tokenizer: Tokenizer, text: str, interval: tuple[int, int] | None, name: str
) -> Passage:
    """The part `interval` of `text`, 0-based half-open; all of it when None.

    Args:
        model: Must be able to read it.
        tokenizer: The model's.
        text: Bases.
        interval: Part that is wanted.
        name: What to call the text in messages.

    Raises:
        SequenceError: It is empty or holds something that is not a nucleotide code.
        WindowError: It is longer than the model's context.
        OutOfBoundsError: The interval is empty or reaches beyond the text.
    """
    context_length = model.config.context_length
    if not text:
        raise SequenceError(f"{name} is empty; give it at least one base or leave it out")
    if len(text) > context_length:
        raise WindowError(
            f"{name} has {len(text):,} bases and the model reads {context_length:,}; cut it into windows"
        )
    start, end = (0, len(text)) if interval is None else interval
    if not 0 <= start < end <= len(text):
        raise OutOfBoundsError(
            f"the interval {start + 1:,}-{end:,} is not within {name} of {len(text):,} bases"
        )
    try:
        tokenizer.encode(text)
    except SequenceError as error:
        raise SequenceError(f"{name}: {error}") from None
    return Passage(text, start, end)


def checked_passages(
    model: Model,
    tokenizer: Tokenizer,
    sequences: Iterable[str],
    intervals: Iterable[tuple[int, int] | None] | None,
) -> Iterator[Passage]:
    """Each sequence with its interval, checked; errors call it by its number, from 0.

    Raises:
        CistronError: See `checked_passage`.
        ValueError: There are more or fewer intervals than sequences.
    """
    if intervals is None:
        for number, text in enumerate(sequences):
            yield checked_passage(model, tokenizer, text, None, f"sequence {number}")
        return
    for number, (text, interval) in enumerate(zip(sequences, intervals, strict=True)):
        yield checked_passage(model, tokenizer, text, interval, f"sequence {number}")


def in_blocks(items: Iterable[T], tokens: Callable[[T], int], most_tokens: int) -> Iterator[list[T]]:
    """Gather what is batched together: at most `BLOCK` items, and one or at most `most_tokens` in all.

    Args:
        items: In the order in which they come.
        tokens: Tokens of an item.
        most_tokens: See `tokens_ahead`.
    """
    block: list[T] = []
    total = 0
    for item in items:
        if block and (len(block) == BLOCK or total + tokens(item) > most_tokens):
            yield block
            block, total = [], 0
        block.append(item)
        total += tokens(item)
    if block:
        yield block


def tokens_ahead(batch_tokens: int, pooling: Pooling) -> int:
    """How many tokens are read ahead: many to sort by length, few where all their states are kept."""
    return batch_tokens if pooling == "none" else _BATCHES_AHEAD * batch_tokens
