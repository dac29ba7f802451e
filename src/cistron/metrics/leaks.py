"""Does the training part give the test part away?

Cheap checks on sequences, places and groups. They find copies, overlapping windows, negatives that are
shuffled positives, and groups on both sides; they do not find distant homologues. A finding is about the
split, not about any model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Int, UInt64
from numpy.typing import NDArray

from cistron.genome.sequence import reverse_complement

WORD: Final = 31
"""Bases of a word that two unrelated sequences practically never share."""

SHARED: Final = 0.25
"""From this share of its words a test sequence counts as partly known."""

_CODES: Final = np.full(256, 255, dtype=np.uint8)
_CODES[list(b"ACGT")] = range(4)

Place = tuple[str, int, int]
"""Contig, start, end; 0-based half-open."""


@dataclass(frozen=True)
class Part:
    """One side of a split.

    Attributes:
        sequences: Upper-case bases; empty text where they are not to be compared.
        labels: Class of each, of any kind; empty where there are none.
        groups: What each belongs to, such as a gene; empty text where nothing is known; or no groups at all.
        places: Where each lies; or no places at all.
    """

    sequences: Sequence[str]
    labels: Sequence[object] = ()
    groups: Sequence[str] = ()
    places: Sequence[Place] = ()


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        what: As it goes on behind `12 test sequences:`.
        found: True for each test sequence that it concerns.
    """

    what: str
    found: Bool[np.ndarray, "N"]

    @property
    def share(self) -> float:
        """Of the test sequences."""
        return float(self.found.mean()) if len(self.found) else 0.0

    def __str__(self) -> str:
        return (
            f"{int(self.found.sum()):,} of {len(self.found):,} test sequences ({self.share:.1%}): {self.what}"
        )


def leaks(train: Part, test: Part) -> list[Finding]:
    """What the checks found, those alone that found something."""
    checks: list[tuple[str, Callable[[Part, Part], NDArray[np.bool_]]]] = [
        ("each is in the training part too, on either strand", _copies),
        (f"each shares a quarter of its {WORD}-mers with the training part", _partly_known),
        ("each is a shuffle of a training sequence of another class", _shuffled_twins),
        ("each has a group that is in the training part too", _shared_groups),
        ("each overlaps an interval of the training part", _overlaps),
    ]
    findings = [Finding(what, check(train, test)) for what, check in checks]
    return [finding for finding in findings if finding.found.any()]


def _copies(train: Part, test: Part) -> NDArray[np.bool_]:
    known = set(map(_either_strand, filter(None, train.sequences)))
    return np.array([_either_strand(sequence) in known for sequence in test.sequences], dtype=bool)


def _partly_known(train: Part, test: Part) -> NDArray[np.bool_]:
    known = np.unique(_words(train.sequences)[0])
    words, owner = _words(test.sequences)
    sizes = np.bincount(owner, minlength=len(test.sequences))
    hits = np.bincount(owner[np.isin(words, known)], minlength=len(test.sequences))
    found: NDArray[np.bool_] = (sizes > 0) & (hits >= SHARED * sizes)
    return found


def _shuffled_twins(train: Part, test: Part) -> NDArray[np.bool_]:
    """Test sequences with the dinucleotide counts of a training sequence of another class.

    Equal counts of sequences of some length are no accident: shuffling that keeps dinucleotides makes them.
    """
    found = np.zeros(len(test.sequences), dtype=bool)
    if not train.labels or not test.labels:
        return found
    known: dict[bytes, set[object]] = {}
    for sequence, label in zip(train.sequences, train.labels, strict=True):
        if len(sequence) >= WORD:
            known.setdefault(_dinucleotides(sequence), set()).add(label)
    for number, (sequence, label) in enumerate(zip(test.sequences, test.labels, strict=True)):
        if len(sequence) >= WORD:
            found[number] = bool(known.get(_dinucleotides(sequence), set()) - {label})
    return found


def _shared_groups(train: Part, test: Part) -> NDArray[np.bool_]:
    known = set(train.groups) - {""}
    found = np.zeros(len(test.sequences), dtype=bool)
    for number, group in enumerate(test.groups):
        found[number] = group in known
    return found


def _overlaps(train: Part, test: Part) -> NDArray[np.bool_]:
    found = np.zeros(len(test.sequences), dtype=bool)
    for chrom in {place[0] for place in test.places}:
        starts, ends = (
            np.sort([place[side] for place in train.places if place[0] == chrom]) for side in (1, 2)
        )
        for number, (contig, start, end) in enumerate(test.places):
            if contig == chrom:
                # Intervals that begin before the end, less those that end before the start.
                before = np.searchsorted(starts, end) - np.searchsorted(ends, start, side="right")
                found[number] = bool(before > 0)
    return found


def _either_strand(sequence: str) -> str:
    return min(sequence, reverse_complement(sequence))


def _dinucleotides(sequence: str) -> bytes:
    codes = _CODES[np.frombuffer(sequence.encode(), dtype=np.uint8)].astype(np.uint16)
    pairs = (codes[:-1] * 4 + codes[1:])[(codes[:-1] < 4) & (codes[1:] < 4)]
    return np.bincount(pairs, minlength=16).astype(np.uint32).tobytes()


def _words(sequences: Sequence[str]) -> tuple[UInt64[np.ndarray, "W"], Int[np.ndarray, "W"]]:
    """All words of `WORD` bases, the same number for either strand, and which sequence each is in."""
    codes = _CODES[np.frombuffer("-".join(sequences).encode(), dtype=np.uint8)]
    count = max(len(codes) - WORD + 1, 0)
    forward: NDArray[np.uint64] = np.zeros(count, dtype=np.uint64)
    backward: NDArray[np.uint64] = np.zeros(count, dtype=np.uint64)
    whole = np.ones(count, dtype=bool)
    for offset in range(WORD):
        here = codes[offset : offset + count]
        whole &= here < 4
        base = (here & 3).astype(np.uint64)
        forward = (forward << np.uint64(2)) | base
        backward |= (np.uint64(3) - base) << np.uint64(2 * offset)
    ends = np.cumsum([len(sequence) + 1 for sequence in sequences])
    owner = np.searchsorted(ends, np.flatnonzero(whole), side="right")
    return np.minimum(forward, backward)[whole], owner
