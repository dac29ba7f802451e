"""How well a codon is served by the transfer RNAs of a genome: the weights of the tRNA adaptation index."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from cistron.errors import InputError
from cistron.genome.genetic_code import CODONS, STOP, GeneticCode
from cistron.genome.sequence import reverse_complement

_WOBBLE: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    "T": (("A", 0.0), ("G", 0.41)),
    "C": (("G", 0.0), ("A", 0.28)),
    "A": (("T", 0.0), ("A", 0.9999)),
    "G": (("C", 0.0), ("T", 0.68)),
}
"""Third base of a codon → first bases of anticodons that read it, as DNA, each with its penalty; a genomic A
there is inosine in the transfer RNA."""


def adaptation_weights(anticodons: Mapping[str, int], code: GeneticCode) -> dict[str, float]:
    """Weight of each sense codon, the best-served one 1.

    Codons that no transfer RNA reads get the geometric mean of the others, as published. Methionine's codon
    and those of amino acids with one codon have weights like any other.

    Args:
        anticodons: Anticodon as DNA, 5' to 3' → number of genes.
        code: Of the genome.

    Raises:
        InputError: No anticodon reads a sense codon.

    Source: dos Reis, Savva & Wernisch 2004, Nucleic Acids Research 32:5036, equations 1 and 2, table 1.
    """
    served = {
        codon: sum((1 - penalty) * anticodons.get(first + middle, 0) for first, penalty in _WOBBLE[codon[2]])
        for codon in CODONS
        if code.meaning[codon] != STOP
        for middle in (reverse_complement(codon[:2]),)
    }
    known = [value for value in served.values() if value > 0]
    if not known:
        raise InputError("no transfer RNA with a known anticodon; codons cannot be weighed")
    top = max(known)
    usual = math.exp(math.fsum(math.log(value / top) for value in known) / len(known))
    return {codon: value / top if value > 0 else usual for codon, value in served.items()}
