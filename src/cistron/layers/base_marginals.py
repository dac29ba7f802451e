"""From the next word of k bases to the next base: sums over the words that agree with what was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

IMPOSSIBLE: Final = -1e9
"""Stands for the logarithm of nothing, where sums must stay finite."""

_NUMBERS: Final = {"A": 0, "C": 1, "G": 2, "T": 3}


class Begun(NamedTuple):
    """How far the next word has been read.

    Attributes:
        token: Number of the token that the word is, or would be.
        length: Bases of it that are known.
        number: Those bases as a number in base 4, oldest first.
    """

    token: int
    length: int
    number: int


def begun_words(text: str, ends: Sequence[int], size: int) -> list[Begun]:
    """For every position of a text and the one behind it, how far the word that it is in has been read.

    Bases left over where no whole word fits are the beginning of one, and behind a base that is not known
    nothing of its word is: so what is said of a position depends on the bases before it alone.

    Args:
        text: Upper-case bases.
        ends: Where its tokens end: whole words, single bases that are left over, and anything else. Bases
            behind the last end are left over too.
        size: Bases of a word.
    """
    found: list[Begun] = []
    start, open_word = 0, Begun(0, 0, 0)
    for token, end in enumerate(ends):
        piece = text[start:end]
        readings = _readings(open_word, piece)
        found += readings[:-1]
        is_left_over = len(piece) < size and set(piece) <= _NUMBERS.keys()
        open_word = readings[-1] if is_left_over else Begun(token + 1, 0, 0)
        start = end
    return found + _readings(open_word, text[start:])


def _readings(begun: Begun, piece: str) -> list[Begun]:
    """A word before each base of a piece, and behind it."""
    found = [begun]
    for number, base in enumerate(piece):
        if set(piece[: number + 1]) <= _NUMBERS.keys():
            begun = Begun(begun.token, begun.length + 1, begun.number * 4 + _NUMBERS[base])
        else:
            begun = Begun(begun.token, 0, 0)
        found.append(begun)
    return found


def next_base_log_p(
    log_p: Float[Tensor, "N V"], words: Sequence[int], begun: Sequence[Begun]
) -> Float[Tensor, "N 5"]:
    """Log-probabilities of A, C, G, T and anything else as the next base.

    Of a word that has begun, the words that begin so are all there is; before its first base, tokens that are
    no words are `anything else`.

    Args:
        log_p: Of the next token, for each place.
        words: Ids of all words of k bases in the order of A, C, G, T.
        begun: How far the word of each place has been read; less than k bases.
    """
    by_word = log_p[:, list(words)]
    out = by_word.new_full((len(log_p), 5), IMPOSSIBLE)
    device = log_p.device
    lengths = torch.tensor([each.length for each in begun], dtype=torch.long, device=device)
    numbers = torch.tensor([each.number for each in begun], dtype=torch.long, device=device)
    for length in sorted({each.length for each in begun}):
        places = (lengths == length).nonzero().squeeze(1)
        alike = by_word[places].view(len(places), 4**length, 4, -1)
        chosen = alike[torch.arange(len(places), device=device), numbers[places]].logsumexp(-1)
        if length:
            chosen = chosen.log_softmax(-1)
        else:
            out[places, 4] = _others(log_p[places], words)
        out[places, :4] = chosen
    return out


def _others(log_p: Float[Tensor, "N V"], words: Sequence[int]) -> Float[Tensor, "N"]:
    """The log-probability of all tokens that are no words."""
    is_word = torch.zeros(log_p.shape[-1], dtype=torch.bool, device=log_p.device)
    is_word[list(words)] = True
    return log_p.masked_fill(is_word, -torch.inf).logsumexp(-1).clamp(min=IMPOSSIBLE)
