"""Nucleotide letters: which bases a code stands for, and the other strand."""

from __future__ import annotations

from typing import Final

from cistron.errors import SequenceError

ACGT: Final = "ACGT"

IUPAC: Final[dict[str, str]] = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "U": "T",
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}
"""Code → the bases it stands for. Source: Cornish-Bowden 1985, Nucleic Acids Research 13:3021, table 1."""

_CODES: Final = "ACGTURYSWKMBDHVN"
_PARTNERS: Final = "TGCAAYRSWMKVHDBN"
_LETTERS: Final = _CODES + _CODES.lower()
_INVALID: Final = 0


def _complement_table() -> bytes:
    table = bytearray(256)
    for code, partner in zip(_CODES + _CODES.lower(), _PARTNERS + _PARTNERS.lower(), strict=True):
        table[ord(code)] = ord(partner)
    return bytes(table)


_COMPLEMENT: Final = _complement_table()


def reverse_complement(sequence: str) -> str:
    """The other strand of `sequence`, read 5' to 3'; every IUPAC code is complemented, case is kept.

    Raises:
        SequenceError: A character is not an IUPAC nucleotide code.
    """
    # Bytes translate several times faster than str, and an invalid byte maps to a zero that is easy to find.
    complement = sequence.encode("ascii", "replace").translate(_COMPLEMENT)
    if _INVALID in complement:
        require_nucleotides(sequence)
    return complement[::-1].decode("ascii")


def require_nucleotides(sequence: str, where: str = "sequence", start: int = 0) -> None:
    """Return silently when `sequence` is made of IUPAC nucleotide codes in either case.

    Args:
        sequence: Text to look at.
        where: What to call it in the message, such as a contig.
        start: Position of its first character there, 0-based; the message counts from 1.

    Raises:
        SequenceError: Names the first other character and its position.
    """
    # Stripping a set of characters leaves nothing exactly when there are no others.
    if not (rest := sequence.lstrip(_LETTERS)):
        return
    position = start + len(sequence) - len(rest) + 1
    raise SequenceError(
        f"{where} has {rest[0]!r} at position {position:,}, which is not a nucleotide code;"
        f" use {_CODES} in either case"
    )


def is_nucleotides(sequence: str) -> bool:
    """Whether `sequence` holds only IUPAC nucleotide codes in either case; true of the empty sequence."""
    return not sequence.encode("ascii", "replace").translate(None, _LETTERS.encode())


def is_acgt(sequence: str) -> bool:
    """Whether `sequence` holds only A, C, G and T in either case; true of the empty sequence."""
    return not sequence.strip("ACGTacgt")


def count_acgt(sequence: str) -> int:
    """How many letters of `sequence` are A, C, G or T in either case."""
    return len(sequence) - len(sequence.encode("ascii", "replace").translate(None, b"ACGTacgt"))


def iupac_contains(code: str, base: str) -> bool:
    """Whether every base that `base` stands for is among those `code` stands for; case is ignored.

    `R` contains `A` and `G`; `N` contains everything, and only `N` contains `N`. Other characters contain and
    are contained in nothing.
    """
    allowed = IUPAC.get(code.upper(), "")
    wanted = IUPAC.get(base.upper(), "")
    return bool(wanted) and set(wanted) <= set(allowed)
