"""The Genos vocabulary: one token a base, `C G T A N` = 5…9.

Source: the SentencePiece model `one_hot.bpe.model` of zhejianglab/Gengram (pieces 0-9) and the rules by which
Megatron's wrapper appends specials (10-15). The published tokenizer turns lower case and IUPAC codes into
unknown tokens and merges runs of them into one, which shifts every later coordinate; this one does neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cistron.errors import SequenceError, WeightsError
from cistron.tokenizers._files import read_object, write_object

_BASES = "ACGT"
_AMBIGUOUS = "RYSWKMBDHV"
_CONTROLS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_APPENDED = ("<CLS>", "<SEP>", "<EOD>", "<MASK>", "<BOS>", "<EOS>")
_VOCABULARY = {piece: i for i, piece in enumerate([*_CONTROLS, *"CGTAN", *_APPENDED])}
_ROLES = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
_ROLE_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_UNKNOWN = -1


@dataclass(frozen=True)
class NucleotideTokenizer:
    """One token for each of A, C, G, T and N.

    Lower case is upper-cased and the IUPAC ambiguity codes (R Y S W K M B D H V) become N. Uracil is refused
    rather than read as T: a U says that the record is RNA, and whether a transcript stands for the DNA that a
    model was trained on is the caller's decision, made by writing T.

    Attributes:
        vocabulary: Piece → id; must hold A, C, G, T and N.
        roles: Role in `special_tokens_map.json` → piece, such as `pad_token` → `[PAD]`.
    """

    vocabulary: Mapping[str, int] = field(default_factory=lambda: dict(_VOCABULARY))
    roles: Mapping[str, str] = field(default_factory=lambda: dict(_ROLES))

    def __post_init__(self) -> None:
        missing = [letter for letter in _BASES + "N" if letter not in self.vocabulary]
        if missing:
            raise WeightsError(
                f"the tokenizer has no token for {', '.join(missing)}; it is not a nucleotide vocabulary"
            )
        ids = list(self.vocabulary.values())
        if len(set(ids)) < len(ids) or min(ids) < 0:
            raise WeightsError(
                "the tokenizer gives one id to two tokens, or a negative id; its files are damaged"
            )

    @property
    def name(self) -> str:
        """`nucleotide`."""
        return "nucleotide"

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: 16 by default."""
        return max(self.vocabulary.values()) + 1

    @cached_property
    def nucleotide_ids(self) -> dict[str, int]:
        """Ids of `A`, `C`, `G` and `T`, in that order."""
        return {base: self.vocabulary[base] for base in _BASES}

    @property
    def unscored_ids(self) -> frozenset[int]:
        """The id of N."""
        return frozenset({self.vocabulary["N"]})

    @cached_property
    def special_ids(self) -> dict[str, int]:
        """Piece → id of everything but A, C, G, T and N."""
        return {piece: i for piece, i in self.vocabulary.items() if piece not in (*_BASES, "N")}

    @property
    def pad_id(self) -> int:
        """Id of the piece with the role `pad_token`, else 0."""
        return self.vocabulary.get(self.roles.get("pad_token", ""), 0)

    @cached_property
    def _ids_of_bytes(self) -> NDArray[np.int64]:
        table = np.full(256, _UNKNOWN, dtype=np.int64)
        pieces = dict.fromkeys(_AMBIGUOUS, "N") | {letter: letter for letter in _BASES + "N"}
        for letter, piece in pieces.items():
            table[[ord(letter), ord(letter.lower())]] = self.vocabulary[piece]
        return table

    @cached_property
    def _pieces(self) -> dict[int, str]:
        return {i: piece for piece, i in self.vocabulary.items()}

    def encode(self, sequence: str) -> NDArray[np.int64]:
        """Ids of `sequence`, shape (L,) with L = `len(sequence)`; ambiguity codes become N.

        Raises:
            SequenceError: A character is not a nucleotide code; names it and its 0-based position.
        """
        # Every character outside ASCII becomes exactly one '?', so positions still count characters.
        octets = np.frombuffer(sequence.encode("ascii", errors="replace"), dtype=np.uint8)
        ids: NDArray[np.int64] = self._ids_of_bytes[octets]
        if ids.size and ids.min() == _UNKNOWN:
            position = int(np.argmax(ids == _UNKNOWN))
            raise SequenceError(_refusal(sequence[position], position))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; specials appear as their pieces, such as `<EOD>`.

        Raises:
            SequenceError: An id is not in the vocabulary; names it and its 0-based position.
        """
        pieces = []
        for position, i in enumerate(ids):
            piece = self._pieces.get(int(i))
            if piece is None:
                raise SequenceError(
                    f"token id {int(i)} at position {position} (0-based) is not in the vocabulary"
                )
            pieces.append(piece)
        return "".join(pieces)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json` into `folder`.

        `transformers.PreTrainedTokenizerFast` reads them and gives the same ids for every nucleotide code;
        what this class refuses becomes `[UNK]` there, one for each character.
        """
        roles = dict(self.roles)
        special = [
            _added_token(i, piece) for piece, i in sorted(self.special_ids.items(), key=lambda item: item[1])
        ]
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "added_tokens_decoder": {
                str(token["id"]): {key: value for key, value in token.items() if key != "id"}
                for token in special
            },
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
            **roles,
        }
        write_object(folder / "tokenizer.json", _fast_tokenizer(dict(self.vocabulary), special, roles))
        write_object(folder / "tokenizer_config.json", config)
        write_object(folder / "special_tokens_map.json", roles)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the vocabulary of the tokenizer files in `folder`; the default one where there are none.

        Raises:
            WeightsError: A file is not JSON, lacks a nucleotide, or gives two tokens one id.
        """
        tokenizer = read_object(folder / "tokenizer.json")
        config = read_object(folder / "tokenizer_config.json")
        try:
            vocabulary = _model_vocabulary(tokenizer.get("model") or {})
            for token in tokenizer.get("added_tokens") or []:
                vocabulary[token["content"]] = int(token["id"])
            for i, token in (config.get("added_tokens_decoder") or {}).items():
                vocabulary[token["content"]] = int(i)
            roles = _roles(config) | _roles(read_object(folder / "special_tokens_map.json"))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise WeightsError(
                f"the tokenizer files in '{folder}' do not hold a vocabulary; save them again"
            ) from None
        if not tokenizer:
            # Only the whole-tokenizer file lists the bases; the two others add or move specials.
            moved = set(vocabulary.values())
            kept = {p: i for p, i in _VOCABULARY.items() if p in (*_BASES, "N") or i not in moved}
            vocabulary = kept | vocabulary
        return cls(vocabulary, roles or dict(_ROLES))


def _refusal(character: str, position: int) -> str:
    """One line that says which character is no nucleotide code, where, and what would do."""
    advice = (
        "write T for RNA's U" if character in "Uu" else "A, C, G, T, N and IUPAC ambiguity codes are read"
    )
    return f"character {character!r} at position {position} (0-based) is not a nucleotide; {advice}"


def _added_token(i: int, piece: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": i, "content": piece, **flags}


def _fast_tokenizer(
    vocabulary: dict[str, int], special: list[dict[str, Any]], roles: dict[str, str]
) -> dict[str, Any]:
    """Content of a `tokenizer.json` that splits by character, with the same folding of case and ambiguity."""
    ambiguous = f"[{_AMBIGUOUS}{_AMBIGUOUS.lower()}n]"
    folds = [{"type": "Replace", "pattern": {"Regex": ambiguous}, "content": "N"}]
    folds += [{"type": "Replace", "pattern": {"String": base.lower()}, "content": base} for base in _BASES]
    character = {"Regex": r"[\s\S]"}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": folds},
        "pre_tokenizer": {"type": "Split", "pattern": character, "behavior": "Isolated", "invert": False},
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": roles.get("unk_token", "[UNK]")},
    }


def _model_vocabulary(model: Mapping[str, Any]) -> dict[str, int]:
    """Piece → id of a `tokenizer.json` model: a mapping (WordLevel, BPE) or piece/score pairs (Unigram)."""
    vocabulary = model.get("vocab") or {}
    if isinstance(vocabulary, Mapping):
        return {piece: int(i) for piece, i in vocabulary.items()}
    return {piece: i for i, (piece, _) in enumerate(vocabulary)}


def _roles(content: Mapping[str, Any]) -> dict[str, str]:
    """Role → piece; a role's value is the piece itself or an object that holds it as `content`."""
    found = {role: content[role] for role in _ROLE_NAMES if content.get(role)}
    return {role: value if isinstance(value, str) else value["content"] for role, value in found.items()}


TOKENIZER = NucleotideTokenizer
