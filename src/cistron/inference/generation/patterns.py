"""What to avoid in a sequence, as users spell it: DNA Chisel's patterns, and the motifs they stand for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from cistron.errors import CistronError, InputError
from cistron.genome.sequence import ACGT, IUPAC

_REPEAT: Final = re.compile(r"[1-9]\d*x([ACGT]|[1-9]\d*mer)")
_LONGEST_KMER: Final = 5
_KINDS: Final = "a motif in IUPAC letters, a restriction enzyme, a run (9xC) or a repeat (3x2mer)"


def patterns(text: str) -> Iterator[Any]:
    """DNA Chisel's patterns for one thing to avoid, which it looks for on both strands.

    Args:
        text: IUPAC letters (`GGTCTC`), a restriction enzyme (`BsaI`), nine C in a row (`9xC`), or any two
            bases three times (`3x2mer`).

    Raises:
        InputError: It is none of these.
        CistronError: DNA Chisel is not installed.
    """
    chisel = dna_chisel()
    enzyme = text.removesuffix("_site")
    if _REPEAT.fullmatch(text):
        yield chisel.SequencePattern.from_string(text)
    elif enzyme in _enzymes():
        # Some enzymes have two sites, written with a bar between them.
        for site in _enzymes()[enzyme]["site"].split("|"):
            yield chisel.DnaNotationPattern(site, name=enzyme)
    elif text and set(text.upper()) <= set(IUPAC) - {"U"}:
        yield chisel.DnaNotationPattern(text.upper())
    else:
        near = difflib.get_close_matches(enzyme, _enzymes(), n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"give {_KINDS}"
        raise InputError(f"'{text}' cannot be avoided, because it is no known pattern; {hint}")


def spelt_motifs(text: str) -> Iterator[str]:
    """The motifs, in IUPAC letters and on one strand, that one thing to avoid stands for.

    Raises:
        InputError: It is not understood, or repeats more bases than can be followed.
    """
    for pattern in patterns(text):
        size = getattr(pattern, "kmer_size", 0)
        if size > _LONGEST_KMER:
            raise InputError(
                f"'{text}' cannot be avoided: repeats of at most {_LONGEST_KMER} bases can be followed; give"
                " the motif itself"
            )
        if size:
            yield from ("".join(kmer) * pattern.n_repeats for kmer in product(ACGT, repeat=size))
        else:
            yield pattern.sequence


def _enzymes() -> dict[str, Any]:
    """Restriction enzymes by name, from Biopython, which comes with DNA Chisel."""
    from Bio.Restriction.Restriction_Dictionary import rest_dict

    found: dict[str, Any] = rest_dict
    return found


def dna_chisel() -> Any:
    """The library, which takes a second to import.

    Raises:
        CistronError: It is not installed.
    """
    try:
        import dnachisel
    except ImportError:
        raise CistronError("constraints need DNA Chisel; pip install 'cistron[design]'") from None
    return dnachisel
