"""Genetic codes: what each codon stands for, which codons start and which stop, by NCBI's numbers.

Source: Elzanowski & Ostell, "The Genetic Codes" (NCBI Taxonomy); every other code is the standard one with a
few codons reassigned, and is written down here as that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Final

from cistron.errors import UnknownNameError

STOP: Final = "*"
UNKNOWN: Final = "X"

CODONS: Final = tuple("".join(bases) for bases in product("TCAG", repeat=3))
"""The 64 codons in the order in which codes are usually printed: T, C, A, G, the first base slowest."""

_STANDARD: Final = dict(
    zip(CODONS, "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", strict=True)
)


@dataclass(frozen=True)
class GeneticCode:
    """One code.

    Attributes:
        number: NCBI's, as in `transl_table`.
        name: Where it is used.
        meaning: Codon → amino acid in one letter, `*` for a stop; 64 entries.
        starts: Codons that a coding sequence may begin with.
    """

    number: int
    name: str
    meaning: Mapping[str, str]
    starts: frozenset[str]

    @cached_property
    def stops(self) -> tuple[str, ...]:
        """Codons that end a coding sequence."""
        return tuple(codon for codon in CODONS if self.meaning[codon] == STOP)

    def translate(self, cds: str) -> str:
        """Amino acids of a coding sequence in reading direction, `X` for a codon with an ambiguous base.

        A start codon is read like any other; one or two bases left over at the end are not read.
        """
        cds, meaning = cds.upper().replace("U", "T"), self.meaning
        return "".join(meaning.get(cds[at : at + 3], UNKNOWN) for at in range(0, len(cds) - 2, 3))

    def synonyms(self, codon: str) -> tuple[str, ...]:
        """The other codons with the same meaning."""
        return tuple(c for c in CODONS if c != codon and self.meaning[c] == self.meaning[codon])


def _code(number: int, name: str, starts: str, **reassigned: str) -> GeneticCode:
    return GeneticCode(number, name, _STANDARD | reassigned, frozenset(starts.split()))


CODES: Final[dict[int, GeneticCode]] = {
    code.number: code
    for code in (
        _code(1, "standard", "TTG CTG ATG"),
        _code(2, "vertebrate mitochondria", "ATT ATC ATA ATG GTG", AGA="*", AGG="*", ATA="M", TGA="W"),
        _code(3, "yeast mitochondria", "ATA ATG GTG", ATA="M", CTT="T", CTC="T", CTA="T", CTG="T", TGA="W"),
        _code(4, "mould and protozoan mitochondria, Mycoplasma", "TTA TTG CTG ATT ATC ATA ATG GTG", TGA="W"),
        _code(5, "invertebrate mitochondria", "TTG ATT ATC ATA ATG GTG", AGA="S", AGG="S", ATA="M", TGA="W"),
        _code(6, "ciliates", "ATG", TAA="Q", TAG="Q"),
        _code(9, "echinoderm mitochondria", "ATG GTG", AAA="N", AGA="S", AGG="S", TGA="W"),
        _code(10, "Euplotes", "ATG", TGA="C"),
        _code(11, "bacteria, archaea, plastids", "TTG CTG ATT ATC ATA ATG GTG"),
        _code(12, "Candida and relatives", "CTG ATG", CTG="S"),
        _code(25, "candidate division SR1", "TTG ATG GTG", TGA="G"),
    )
}
"""Number → code."""


def genetic_code(number: int) -> GeneticCode:
    """The code of that number.

    Raises:
        UnknownNameError: There is none here.
    """
    if number not in CODES:
        known = ", ".join(map(str, CODES))
        raise UnknownNameError(f"translation table {number} is not known; known are {known}")
    return CODES[number]
