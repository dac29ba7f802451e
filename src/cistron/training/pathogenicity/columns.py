"""Columns beside the states: the llr, what the annotation says, and, for a baseline, words of the sequence.

A column's name says how it is made, so that a saved head finds its columns again: `llr`; `so:TERM` is 1 where
the term is among those of the most severe consequence; `word:ACG` counts a word around the allele in the
reference, `change:ACG` how the alternative changes the count.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.genome import Reference, Variant
from cistron.genome.alleles import trim
from cistron.genome.consequences import TERMS
from cistron.genome.windows import allele_window

LLR: Final = "llr"
CONSEQUENCES: Final = tuple(f"so:{term}" for term in TERMS)
_WORD: Final = 3
_WORDS: Final = {"".join(bases): number for number, bases in enumerate(product("ACGT", repeat=_WORD))}
WORDS: Final = (*(f"word:{word}" for word in _WORDS), *(f"change:{word}" for word in _WORDS))
_AROUND: Final = 128
"""Width of the window whose words are counted, in bp."""


def column_values(
    names: Sequence[str], llr: Sequence[float], terms: Sequence[Sequence[str]] | None
) -> Float[np.ndarray, "N F"]:
    """One row for each allele.

    Args:
        names: Of the columns, without words.
        llr: Of each allele.
        terms: Of the most severe consequence of each allele; NaN stands where there are none.

    Raises:
        InputError: A name is unknown, or needs consequences that are not given.
    """
    found = []
    for name in names:
        kind, _, term = name.partition(":")
        if name == LLR:
            found.append(np.asarray(llr, dtype=np.float32))
        elif kind == "so" and terms is not None:
            found.append(np.array([float(term in own) if own else np.nan for own in terms], np.float32))
        elif kind == "so":
            raise InputError("the head reads consequences; give the annotation with --annotation")
        else:
            raise InputError(f"the head reads a column '{name}' that this version does not know")
    return np.stack(found, axis=1) if found else np.zeros((len(llr), 0), np.float32)


def word_values(variants: Sequence[Variant], reference: Reference) -> Float[np.ndarray, "N 128"]:
    """The columns `WORDS` of alleles that have a window.

    Args:
        variants: Alleles on contigs of the reference that can be scored.
        reference: Their genome.
    """
    rows = np.zeros((len(variants), 2, len(_WORDS)), np.float32)
    for row, variant in zip(rows, variants, strict=True):
        width = max(_AROUND, 8 * len(variant.ref + variant.alt))
        window = allele_window(reference, trim(variant), width, "+")
        if isinstance(window, str):
            continue
        before, after = (_counts(text) for text in (window.ref_sequence, window.alt_sequence))
        row[0], row[1] = before, after - before
    return rows.reshape(len(variants), -1)


def _counts(text: str) -> Float[np.ndarray, "64"]:
    found = np.zeros(len(_WORDS), np.float32)
    for at in range(len(text) - _WORD + 1):
        number = _WORDS.get(text[at : at + _WORD])
        if number is not None:
            found[number] += 1
    return found
