"""Tokens that are not single bases: where the tokens of a Hugging Face tokenizer lie on a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product
from typing import Any

from cistron.errors import SequenceError

_BASES = "ACGT"


@dataclass(frozen=True)
class Cut:
    """A sequence as the tokens of another vocabulary.

    Attributes:
        ids: Of the tokens, without those that frame a sequence.
        ends: Where each ends, in bases; the first begins at 0, each other one where the last ended. Behind
            the last one bases may be left over that are no whole word.
    """

    ids: tuple[int, ...]
    ends: tuple[int, ...]

    def places(self, length: int) -> list[int]:
        """Which token each base belongs to; those left over to the last, −1 where there is none."""
        sizes = [end - start for start, end in zip((0, *self.ends), self.ends, strict=False)]
        found = [number for number, size in enumerate(sizes) for _ in range(size)]
        return found + [len(sizes) - 1] * (length - len(found))


@dataclass(frozen=True)
class Pieces:
    """Cuts sequences with a tokenizer of `transformers`.

    Attributes:
        tokenizer: Fast or slow.
    """

    tokenizer: Any

    def cut(self, text: str) -> Cut:
        """The tokens of upper-case bases.

        Raises:
            SequenceError: The tokens do not cover the bases one after another.
        """
        if not text:
            return Cut((), ())
        if self.tokenizer.is_fast:
            found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            spans = found["offset_mapping"]
            ids, ends = tuple(found["input_ids"]), tuple(end for _, end in spans)
            placed = [start for start, _ in spans] == [0, *ends[:-1]]
        else:
            tokens = self.tokenizer.tokenize(text)
            ids = tuple(self.tokenizer.convert_tokens_to_ids(tokens))
            ends = tuple(accumulate(map(len, tokens)))
            placed = "".join(tokens) == text
        if placed and ends[-1] == len(text):
            return Cut(ids, ends)
        if self.words is None:
            raise SequenceError(f"the model's tokens do not cover '{text[:20]}…' base by base; leave out N")
        return self._whole_words(text)

    def _whole_words(self, text: str) -> Cut:
        """Words one after another, for tokenizers without a token for what is left over."""
        vocabulary, unknown = self.tokenizer.get_vocab(), self.tokenizer.unk_token_id
        size = self.word_size
        words = [text[start : start + size] for start in range(0, len(text) - size + 1, size)]
        if unknown is None and any(word not in vocabulary for word in words):
            raise SequenceError(f"the model has no token for the N in '{text[:20]}…'; leave it out")
        return Cut(
            tuple(vocabulary.get(word, unknown) for word in words),
            tuple(range(size, len(words) * size + 1, size)),
        )

    @property
    def word_size(self) -> int:
        """Bases of a word, of all 4ᵏ; 0 where words differ in length."""
        return (len(self.words).bit_length() - 1) // 2 if self.words else 0

    @cached_property
    def frame(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids that stand before and behind every sequence, such as `<cls>`."""
        bare = self.tokenizer(_BASES, add_special_tokens=False)["input_ids"]
        whole = self.tokenizer(_BASES)["input_ids"]
        extra = len(whole) - len(bare)
        before = next(n for n in range(extra + 1) if whole[n : n + len(bare)] == bare)
        return tuple(whole[:before]), tuple(whole[before + len(bare) :])

    @cached_property
    def words(self) -> tuple[int, ...] | None:
        """Ids of all words of k bases in the order of A, C, G, T; None where words differ in length.

        Single bases beside them do not count: they are what is left over where no whole word fits.
        """
        vocabulary = self.tokenizer.get_vocab()
        lengths = {len(piece) for piece in vocabulary if piece and set(piece) <= set(_BASES)}
        size = max(lengths, default=0)
        words = ["".join(letters) for letters in product(_BASES, repeat=size)] if size <= _LONGEST else []
        if not words or lengths - {1, size} or not vocabulary.keys() >= set(words):
            return None
        return tuple(vocabulary[word] for word in words)


_LONGEST = 8
"""Bases of a word; of longer ones no vocabulary holds all."""
