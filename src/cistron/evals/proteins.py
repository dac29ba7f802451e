"""From written bases to a protein, and how much of a reference protein it recovers."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from cistron.evals.extras import require


def require_biopython() -> None:
    """Return silently where Biopython is installed.

    Raises:
        MissingExtraError: It is not.
    """
    require("Bio", "comparing proteins needs Biopython")


def translated(bases: str, code: int) -> str:
    """Amino acids up to the first stop, or to the last whole codon; a codon with an N is X.

    Args:
        bases: Coding sequence from the first codon on.
        code: Genetic code, as NCBI numbers them.
    """
    sequence: Any = import_module("Bio.Seq")
    whole = bases[: len(bases) // 3 * 3]
    return str(sequence.translate(whole, table=code, to_stop=True))


def recovered(written: str, reference: str, *, beyond: int) -> float:
    """Share of the reference's amino acids, but for the first `beyond`, that are paired with the same one.

    The alignment is global: BLOSUM62, 11 to open a gap and 1 to extend it.

    Args:
        written: Protein to judge.
        reference: Protein it should be.
        beyond: Amino acids that were given.

    Source: Brixi et al. 2025, Evo 2, scripts/gene_completion (alignment and its costs).
    """
    rest = len(reference) - beyond
    if not written or rest <= 0:
        return 0.0
    alignment = next(iter(_aligner().align(reference, written)))
    hits = sum(
        reference[a] == written[b] and a >= beyond
        for (start, stop), (begin, _) in zip(*alignment.aligned, strict=True)
        for a, b in zip(range(start, stop), range(begin, begin + stop - start), strict=True)
    )
    return hits / rest


@cache
def _aligner() -> Any:
    align: Any = import_module("Bio.Align")
    aligner = align.PairwiseAligner(mode="global")
    aligner.substitution_matrix = align.substitution_matrices.load("BLOSUM62")
    aligner.open_gap_score, aligner.extend_gap_score = -11, -1
    return aligner
