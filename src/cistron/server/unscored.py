"""Why a variant is not answered, in words for whoever asked."""

from __future__ import annotations

from typing import Final

from cistron.genome.alleles import AlleleStatus

_WHY: Final = {
    AlleleStatus.REF_MISMATCH: "REF differs from the genome; is it of another assembly, or another strand?",
    AlleleStatus.CONTIG_UNKNOWN: "the genome of this service has no such contig",
    AlleleStatus.IUPAC: "an allele holds a letter that is not A, C, G or T",
    AlleleStatus.N_WINDOW: "there are too few known bases around the variant",
    AlleleStatus.TOO_LONG: "the allele is too long for the model's window",
    AlleleStatus.SYMBOLIC: "a symbolic allele has no bases; write them out",
    AlleleStatus.BREAKEND: "a breakend has no bases of its own",
    AlleleStatus.SPANNING: "`*` says that another record deletes these bases; ask about that one",
}


def why(status: AlleleStatus) -> str:
    """What a status means, with its name."""
    return f"{_WHY[status]} ({status})"
