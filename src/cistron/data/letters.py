"""Letters of a corpus: four bases in a byte, and everything else as a code of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int, UInt8

from cistron.genome.sequence import IUPAC
from cistron.tokenizers import Tokenizer

BASES: Final = "ACGT"
"""Letters of the codes 0 to 3; a code's complement is 3 minus the code."""

OTHER: Final = 4
"""Code of everything that is not A, C, G or T."""

PER_BYTE: Final = 4
"""Bases in a byte, the first in the lowest two bits."""

AMBIGUOUS: Final = frozenset(IUPAC) - set("ACGTU")
"""Letters that stand for an unknown base. Anything else, U included, is no DNA letter at all."""

POLICY: Final = "A C G T in either case; every other letter is masked and kept as a run"


def _codes_of_bytes() -> UInt8[np.ndarray, "256"]:
    table = np.full(256, OTHER, dtype=np.uint8)
    for code, letter in enumerate(BASES):
        table[[ord(letter), ord(letter.lower())]] = code
    return table


_CODES: Final = _codes_of_bytes()


def codes_of(letters: bytes) -> UInt8[np.ndarray, "L"]:
    """One code per letter: 0 to 3 for A, C, G, T in either case, 4 for anything else."""
    codes: UInt8[np.ndarray, "L"] = _CODES[np.frombuffer(letters, dtype=np.uint8)]
    return codes


def pack(codes: UInt8[np.ndarray, "L"]) -> UInt8[np.ndarray, "P"]:
    """Four codes a byte, L/4 of them rounded up; code 4 and the filling of the last byte become 0."""
    filled = np.zeros(-(-len(codes) // PER_BYTE) * PER_BYTE, dtype=np.uint8)
    filled[: len(codes)] = codes & 3
    first, second, third, fourth = filled.reshape(-1, PER_BYTE).T
    packed: UInt8[np.ndarray, "P"] = first | second << 2 | third << 4 | fourth << 6
    return packed


@dataclass(frozen=True)
class Lookup:
    """What the bases of a byte turn into, along either strand.

    Attributes:
        forward: Byte → values of its four bases in order.
        reverse: Byte → values of their complements, last base first.
        other: Value of everything that is not A, C, G or T.
    """

    forward: Int[np.ndarray, "256 4"]
    reverse: Int[np.ndarray, "256 4"]
    other: int

    @classmethod
    def of(cls, values: Int[np.ndarray, "5"]) -> Lookup:
        """The lookup that gives code *c* the value `values[c]`, in the dtype of `values`."""
        codes = np.arange(256)[:, None] >> np.arange(0, 8, 2) & 3
        return cls(values[codes], values[3 - codes[:, ::-1]], int(values[OTHER]))

    @classmethod
    def for_tokenizer(cls, tokenizer: Tokenizer) -> Lookup:
        """The lookup that gives token ids, int64."""
        ids = [tokenizer.nucleotide_ids[base] for base in BASES]
        return cls.of(np.array([*ids, tokenizer.encode("N")[0]], dtype=np.int64))


CODES: Final = Lookup.of(np.arange(5, dtype=np.uint8))
"""The lookup that gives the codes themselves."""
