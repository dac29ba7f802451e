"""The Evo 2 vocabulary: the bytes of the text, `A C G T N` = 65 67 71 84 78.

Source: `CharLevelTokenizer` of the packages `vtx` 1.1.0 and `evo2` 0.6.0: ids are UTF-8 bytes, 0 ends a
document, 1 pads, and 256 to 511 are never used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cistron.errors import SequenceError, WeightsError
from cistron.tokenizers._files import read_object, write_object

_BASES = "ACGT"
_UNKNOWN = "NRYSWKMBDHV"
_SPECIAL = {"<EOD>": 0, "<PAD>": 1}
_PRINTABLE = range(32, 127)
_CONFIG = "tokenizer_config.json"
_TAG = re.compile(r"\|[A-Z]__[ -{}~]*\|")
"""A phylogenetic tag, such as `|D__BACTERIA;P__PSEUDOMONADOTA;C__|`."""


@dataclass(frozen=True)
class ByteTokenizer:
    """One token a character: its byte.

    Lower case is upper-cased unless `keep_case`: it is another token to the published models, so that a
    genome's soft masking would be part of every score. Ambiguity codes keep their own bytes and are never
    scored. A phylogenetic tag (`|D__BACTERIA;P__…|`) is read as it stands. Everything else is refused.

    Attributes:
        keep_case: Read lower-case bases as their own bytes, as the published tokenizer does.
    """

    keep_case: bool = False

    @property
    def name(self) -> str:
        """`byte`."""
        return "byte"

    @property
    def vocab_size(self) -> int:
        """512, as many as the published models have rows."""
        return 512

    @cached_property
    def nucleotide_ids(self) -> dict[str, int]:
        """Ids of `A`, `C`, `G` and `T`, in that order."""
        return {base: ord(base) for base in _BASES}

    @cached_property
    def unscored_ids(self) -> frozenset[int]:
        """Ids of N and the other ambiguity codes."""
        letters = _UNKNOWN + _UNKNOWN.lower() if self.keep_case else _UNKNOWN
        return frozenset(map(ord, letters))

    @property
    def special_ids(self) -> dict[str, int]:
        """`<EOD>` ends a document and may begin one; `<PAD>` fills batches."""
        return dict(_SPECIAL)

    @property
    def pad_id(self) -> int:
        """1."""
        return _SPECIAL["<PAD>"]

    @cached_property
    def _ids_of_bytes(self) -> NDArray[np.int64]:
        table = np.full(256, -1, dtype=np.int64)
        for letter in _BASES + _UNKNOWN:
            table[[ord(letter), ord(letter.lower())]] = ord(letter)
            if self.keep_case:
                table[ord(letter.lower())] = ord(letter.lower())
        return table

    def encode(self, sequence: str) -> NDArray[np.int64]:
        """Ids of `sequence`, shape (L,) with L = `len(sequence)`.

        Raises:
            SequenceError: A character is neither a nucleotide code nor in a tag; names it and its 0-based
                position.
        """
        # Every character outside ASCII becomes exactly one '?', so positions still count characters.
        octets = np.frombuffer(sequence.encode("ascii", errors="replace"), dtype=np.uint8)
        ids: NDArray[np.int64] = self._ids_of_bytes[octets]
        if ids.size and ids.min() < 0:
            for tag in _TAG.finditer(sequence):
                ids[tag.start() : tag.end()] = octets[tag.start() : tag.end()]
        if ids.size and ids.min() < 0:
            position = int(np.argmax(ids < 0))
            raise SequenceError(_refusal(sequence[position], position))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; `<EOD>`, `<PAD>` and what prints as nothing appear as such, the latter as `<200>`.

        Raises:
            SequenceError: An id is not in the vocabulary; names it and its 0-based position.
        """
        pieces = {i: piece for piece, i in _SPECIAL.items()} | {i: chr(i) for i in _PRINTABLE}
        found = []
        for position, i in enumerate(map(int, ids)):
            if not 0 <= i < self.vocab_size:
                raise SequenceError(f"token id {i} at position {position} (0-based) is not in the vocabulary")
            found.append(pieces.get(i, f"<{i}>"))
        return "".join(found)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json` into `folder`.

        `transformers.PreTrainedTokenizerFast` reads them and gives the same ids for every nucleotide code.
        """
        special = [
            {
                "id": i,
                "content": piece,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for piece, i in _SPECIAL.items()
        ]
        roles = {"eos_token": "<EOD>", "pad_token": "<PAD>", "unk_token": "<PAD>"}
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        write_object(folder / "tokenizer.json", self._fast_tokenizer(special))
        write_object(folder / _CONFIG, config | roles | {"keep_case": self.keep_case})

    def _fast_tokenizer(self, special: list[dict[str, Any]]) -> dict[str, Any]:
        folded = () if self.keep_case else _BASES + _UNKNOWN
        folds = [
            {"type": "Replace", "pattern": {"String": letter.lower()}, "content": letter} for letter in folded
        ]
        vocabulary = _SPECIAL | {chr(i): i for i in _PRINTABLE}
        character = {"Regex": r"[\s\S]"}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": {"type": "Sequence", "normalizers": folds},
            "pre_tokenizer": {
                "type": "Split",
                "pattern": character,
                "behavior": "Isolated",
                "invert": False,
            },
            "post_processor": None,
            "decoder": {"type": "Fuse"},
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<PAD>"},
        }

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `keep_case` from the folder's `tokenizer_config.json`; the default where there is none.

        Raises:
            WeightsError: The file is damaged, or the folder's tokenizer has other ids for bases.
        """
        config, tokenizer = read_object(folder / _CONFIG), read_object(folder / "tokenizer.json")
        vocabulary = (tokenizer.get("model") or {}).get("vocab") or {}
        for base in _BASES if vocabulary else ():
            if vocabulary.get(base) != ord(base):
                raise WeightsError(
                    f"the tokenizer in '{folder}' has the id {vocabulary.get(base)} for {base}, a byte "
                    f"tokenizer {ord(base)}; they do not belong together"
                )
        return cls(keep_case=config.get("keep_case") is True)


def _refusal(character: str, position: int) -> str:
    """One line that says which character is no nucleotide code, where, and what would do."""
    advice = (
        "write T for RNA's U"
        if character in "Uu"
        else "A, C, G, T, N, IUPAC ambiguity codes and tags such as |D__BACTERIA;| are read"
    )
    return f"character {character!r} at position {position} (0-based) is not a nucleotide; {advice}"


TOKENIZER = ByteTokenizer
