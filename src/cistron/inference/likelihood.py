"""How plausible is each sequence, of any length?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, TypedDict

import numpy as np
from jaxtyping import Float64

from cistron.errors import SequenceError
from cistron.genome.tiling import Tiling, in_shards
from cistron.inference.next_base import SHARD_TOKENS, Block, Strands, base_codes, picked, predict_blocks
from cistron.inference.planning.budget import Budget
from cistron.inference.score import checked_width
from cistron.models import Model
from cistron.tokenizers import Tokenizer

_PIECE: Final = 1 << 20


class Likelihood(NamedTuple):
    """Log-likelihood of one sequence.

    Attributes:
        total: Sum of natural-log probabilities over scored bases.
        bases: Scored bases: all but N and, where one strand is read, the first.
    """

    total: float
    bases: int

    @property
    def per_base(self) -> float:
        """Mean nats per scored base; negative, and NaN when no base was scored."""
        return self.total / self.bases if self.bases else float("nan")

    @property
    def perplexity(self) -> float:
        """Exponential of −`per_base`: 4 for a guess among four bases, 1 for certainty; NaN without any."""
        return math.exp(-self.per_base)


class LikelihoodOptions(TypedDict, total=False):
    """Keyword arguments of `log_likelihood`."""

    strands: Strands
    window: int | None
    stride: int | None
    batch_tokens: int | Budget
    block: int


def log_likelihood(
    model: Model,
    tokenizer: Tokenizer,
    sequences: Iterable[str],
    *,
    strands: Strands = "forward",
    window: int | None = None,
    stride: int | None = None,
    batch_tokens: int | Budget = 16_384,
    block: int = 4_096,
) -> Iterator[Likelihood]:
    """Yield the log-likelihood of each sequence, in order.

    A sequence that fits into `window` is read whole, chunk by chunk. A longer one is read in windows of which
    every base is scored once, with at least `window - stride` bases before it unless the sequence begins
    there. Memory does not grow beyond one window's State, whatever the length.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        sequences: Upper or lower case; the first base of each is unscored.
        strands: The sequence as it is written, or for each base the mean of that and of the reading on the
            other strand; then the first base is scored by the latter alone, and the last by the former.
        window: Most bases read at once; None for the model's context.
        stride: Bases from one window to the next; None for half the window.
        batch_tokens: Most tokens in one batch, halved when memory runs out.
        block: Windows that may be batched together at most; does not change the answers.

    Raises:
        WindowError: `window` exceeds the model's context, or `stride` the window.
        SequenceError: A character is not a nucleotide code; names it and its 0-based position.
    """
    tiling, budget = likelihood_tiling(model, window, stride), Budget.of(batch_tokens)
    read = partial(ref_log_p, model, tokenizer, strands=strands)
    parts: list[Float64[np.ndarray, "L"]] = []
    for shard in in_shards(_blocks_and_ends(tokenizer, sequences, tiling), _tokens, SHARD_TOKENS, most=block):
        blocks = [each for each in shard if each is not None]
        found = iter(budget.run(lambda size, blocks=blocks: read(blocks, batch_tokens=size)))
        for each in shard:
            if each is not None:
                values = next(found)
                parts.append(values[np.isfinite(values)])
                continue
            yield Likelihood(math.fsum(part.sum() for part in parts), sum(map(len, parts)))
            parts = []


def likelihood_tiling(model: Model, window: int | None, stride: int | None) -> Tiling:
    """How long sequences are cut; arguments and errors are those of `log_likelihood`."""
    window = checked_width(model, model.config.context_length if window is None else window)
    return Tiling.of_stride(window, -(-window // 2) if stride is None else stride)


def sequence_blocks(pieces: Iterable[str], tiling: Tiling) -> Iterator[Block]:
    """The blocks of one sequence that comes in pieces of any length; holds a window and a piece at a time."""
    text, origin, at = "", 0, 0
    for piece in pieces:
        text += piece
        # Only when there is more than a window does a sequence have several blocks.
        while origin + len(text) > at + tiling.window:
            yield _block(text, origin, at, at + tiling.block, tiling)
            at += tiling.block
        cut = max(at - tiling.context - origin, 0)
        text, origin = text[cut:], origin + cut
    end = origin + len(text)
    while at < end:
        stop = end if end <= tiling.window else min(at + tiling.block, end)
        yield _block(text, origin, at, stop, tiling)
        at = stop


def block_tokens(block: Block, strands: Strands) -> int:
    """Tokens read for a block."""
    return block.stop + (len(block.text) - block.start if strands == "both" else 0)


def ref_log_p(
    model: Model, tokenizer: Tokenizer, blocks: Sequence[Block], *, strands: Strands, batch_tokens: int
) -> list[Float64[np.ndarray, "L"]]:
    """Log-probability of each base of each block, in nats; NaN where a base is unscored.

    Arguments are those of `cistron.inference.next_base.predict_blocks`.
    """
    found = predict_blocks(model, tokenizer, blocks, strands=strands, batch_tokens=batch_tokens)
    return [
        picked(prediction.log_p, base_codes(block.text[block.start : block.stop]))
        for block, prediction in zip(blocks, found, strict=True)
    ]


def _block(text: str, origin: int, start: int, stop: int, tiling: Tiling) -> Block:
    """Bases `start` to `stop` of a sequence of which `text` begins at `origin`."""
    left = max(start - tiling.context, 0) - origin
    return Block(text[left : stop + tiling.context - origin], start - origin - left, stop - origin - left)


def _blocks_and_ends(
    tokenizer: Tokenizer, sequences: Iterable[str], tiling: Tiling
) -> Iterator[Block | None]:
    """The blocks of all sequences, and None behind those of each."""
    for sequence in sequences:
        _require_readable(tokenizer, sequence)
        yield from sequence_blocks((sequence,), tiling)
        yield None


def _require_readable(tokenizer: Tokenizer, sequence: str) -> None:
    """Let the tokenizer refuse a character while its position in the whole sequence is known."""
    for start in range(0, len(sequence), _PIECE):
        try:
            tokenizer.encode(sequence[start : start + _PIECE])
        except SequenceError:
            tokenizer.encode(sequence)
            raise


def _tokens(block: Block | None) -> int:
    return 0 if block is None else block_tokens(block, "forward")
