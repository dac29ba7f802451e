"""Tokenizers: sequence text to integer ids and back, one token a base.

A tokenizer never changes the length of a sequence: token *i* is base *i*, so coordinates survive. Padding,
batching and tensors belong to `inference/` and `data/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cistron.registry import Registry


class Tokenizer(Protocol):
    """A tokenizer; its file publishes the class as `TOKENIZER`, callable without arguments."""

    @property
    def name(self) -> str:
        """Its name in `TOKENIZERS`."""
        ...

    @property
    def vocab_size(self) -> int:
        """One more than the largest id; a model's table may have more rows."""
        ...

    @property
    def nucleotide_ids(self) -> Mapping[str, int]:
        """Ids of `A`, `C`, `G` and `T`, in that order."""
        ...

    @property
    def unscored_ids(self) -> frozenset[int]:
        """Ids `encode` can return whose likelihood says nothing about a base (N): never part of a sum."""
        ...

    @property
    def special_ids(self) -> Mapping[str, int]:
        """Piece → id of everything that is not a base, such as `<EOD>`; `encode` never returns these."""
        ...

    @property
    def pad_id(self) -> int:
        """Id to fill the right end of a batch with; what it is cannot change an answer."""
        ...

    def encode(self, sequence: str) -> NDArray[np.int64]:
        """Ids of `sequence`, shape (L,) with L = `len(sequence)`.

        Raises:
            SequenceError: A character is not a nucleotide code; names it and its 0-based position.
        """
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`: the inverse of `encode` for upper-case A, C, G, T and N.

        Raises:
            SequenceError: An id is not in the vocabulary; names it and its 0-based position.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into `folder`, in the form `transformers` loads."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the tokenizer files in `folder`; the default vocabulary where there are none.

        Raises:
            WeightsError: The files are damaged or lack a nucleotide.
        """
        ...


TOKENIZERS: Registry[type[Tokenizer]] = Registry("cistron.tokenizers", "TOKENIZER", "tokenizer")
