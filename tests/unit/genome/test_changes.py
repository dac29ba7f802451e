from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.genome import Variant
from cistron.genome.alleles import trim
from cistron.genome.changes import INDEL_LENGTHS, change_kind, class_length, kinds, substitutions
from cistron.genome.sequence import reverse_complement


class Contigs:
    """A genome in memory."""

    name = "memory"

    def __init__(self, **sequences: str) -> None:
        self.sequences = sequences
        self.contigs = {name: len(bases) for name, bases in sequences.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return self.sequences[chrom][start:end]


def kind(bases: str, pos: int, ref: str, alt: str) -> str | None:
    return change_kind(trim(Variant("1", pos, ref, alt)), Contigs(**{"1": bases}))


def test_there_are_96_substitutions_and_each_has_one_name() -> None:
    names = list(substitutions())
    assert len(names) == len(set(names)) == 96
    assert all(name[2] in "CT" and name[2] != name[4] for name in names)


@given(st.text("ACGT", min_size=3, max_size=3), st.sampled_from("ACGT"))
def test_both_strands_of_a_substitution_are_one_kind(around: str, alt: str) -> None:
    if alt == around[1]:
        return
    other = reverse_complement(around)
    found = kind(around, 2, around[1], alt)
    assert found == kind(other, 2, other[1], reverse_complement(alt))
    assert found in set(substitutions())


@pytest.mark.parametrize(
    ("bases", "pos", "ref", "alt", "named"),
    [
        ("ACG", 2, "C", "T", "A[C>T]G"),
        ("CGT", 2, "G", "A", "A[C>T]G"),
        ("TTTACGTT", 4, "AC", "A", "del1"),
        ("TTTACGTT", 4, "A", "ACC", "ins2"),
        ("TTTACGTT", 4, "ACG", "TGC", None),
        ("TTTACGTT", 4, "ACG", "TA", None),
        ("ACG", 1, "A", "C", None),
        ("ACG", 3, "G", "C", None),
        ("ANG", 3, "G", "C", None),
        ("NCGT", 2, "C", "T", None),
    ],
)
def test_kinds_of_changes(bases: str, pos: int, ref: str, alt: str, named: str | None) -> None:
    assert kind(bases, pos, ref, alt) == named
    assert named is None or named in kinds()


@pytest.mark.parametrize(
    ("length", "named"), [(0, None), (1, 1), (5, 6), (7, 8), (13, 12), (72, 48), (73, None), (10_000, None)]
)
def test_an_indel_falls_in_the_nearest_class(length: int, named: int | None) -> None:
    assert class_length(length) == named


def test_every_class_holds_its_own_length() -> None:
    assert [class_length(length) for length in INDEL_LENGTHS] == list(INDEL_LENGTHS)
