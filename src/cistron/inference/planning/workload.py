"""What a verb will read: tokens, pairs of tokens that see each other, and tokens that are generated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """The work of one command.

    Attributes:
        sequences: Inputs, strands and samples counted apart.
        tokens: That are read in chunks.
        pairs: Of these with an earlier token of the same sequence.
        longest: Most tokens of one sequence.
        generated: Tokens that are made one by one, over all sequences.
        generated_pairs: Of these with an earlier token.
        steps: Tokens that are made for each sequence.
    """

    sequences: int
    tokens: float
    pairs: float
    longest: int
    generated: int = 0
    generated_pairs: float = 0.0
    steps: int = 0


def reading(lengths: Iterable[int], strands: int = 1) -> Workload:
    """Whole passes over sequences, as in `embed`, `likelihood` and `scan`.

    Args:
        lengths: Tokens of each sequence, or of each window that a long one is cut into.
        strands: How often each is read.
    """
    count, tokens, pairs, longest = 0, 0, 0.0, 0
    for length in lengths:
        count, tokens, longest = count + 1, tokens + length, max(longest, length)
        pairs += length**2 / 2
    return Workload(strands * count, strands * tokens, strands * pairs, longest)


def windows_of(length: int, window: int, stride: int | None = None) -> list[int]:
    """Lengths of the windows that a sequence is read in: of `window` tokens where it is longer."""
    if length <= window:
        return [length]
    return [window] * (1 + -(-(length - window) // (stride or window)))


def scanning(lengths: Iterable[int], width: int, strands: int = 2) -> Workload:
    """Windows of which each predicts its second half, so that every base has half a window before it."""
    step = width - width // 2
    return reading((size for length in lengths for size in windows_of(length, width, step)), strands)


def scoring(alleles: int, width: int, strands: int = 2) -> Workload:
    """Single-base variants in the middle of their windows: upstream once, downstream for both alleles.

    Args:
        alleles: How many, each in a window of its own.
        width: Of the window in bp.
        strands: 2 for both.
    """
    before, after = width // 2, width - width // 2
    windows = strands * alleles
    pairs = before**2 / 2 + 2 * (before * after + after**2 / 2)
    return Workload(windows, windows * (before + 2 * after), windows * pairs, width)


def generating(prompts: Iterable[int], tokens: int, samples: int = 1) -> Workload:
    """Prompts read once and continued token by token.

    Args:
        prompts: Length of each.
        tokens: To be made for each sample.
        samples: Of each prompt.
    """
    lengths = list(prompts)
    read = reading(lengths)
    made = samples * len(lengths) * tokens
    pairs = samples * sum(tokens * length + tokens**2 / 2 for length in lengths)
    return Workload(
        samples * len(lengths), read.tokens, read.pairs, read.longest + tokens, made, pairs, tokens
    )
