"""Letters a DNA model reads: every nucleotide code but U, which says that a sequence is RNA."""

from __future__ import annotations

from cistron.errors import SequenceError
from cistron.genome.sequence import is_nucleotides, require_nucleotides


def require_dna(sequence: str, where: str = "sequence", start: int = 0) -> None:
    """Return silently when `sequence` is made of IUPAC codes of DNA in either case.

    Args:
        sequence: Text to look at.
        where: What to call it in the message, such as a contig.
        start: Position of its first character there, 0-based; the message counts from 1.

    Raises:
        SequenceError: Names the first other character and its position.
    """
    uracil = next((at for at in (sequence.find("U"), sequence.find("u")) if at >= 0), None)
    if uracil is None and is_nucleotides(sequence):
        return
    require_nucleotides(sequence, where, start)
    assert uracil is not None
    raise SequenceError(f"{where} has U at position {start + uracil + 1:,}, so it is RNA; write T for U")
