from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import SequenceError
from cistron.genome.sequence import (
    IUPAC,
    count_acgt,
    is_acgt,
    is_nucleotides,
    iupac_contains,
    require_nucleotides,
    reverse_complement,
)


def test_reverse_complement_of_every_code_is_the_code_of_the_complemented_bases() -> None:
    pairs = {"A": "T", "C": "G", "G": "C", "T": "A"}
    for code, bases in IUPAC.items():
        complement = "".join(sorted(pairs[base] for base in bases))
        assert "".join(sorted(IUPAC[reverse_complement(code)])) == complement


def test_reverse_complement_reverses_and_keeps_case() -> None:
    assert reverse_complement("AACgtRyN") == "NrYacGTT"
    assert reverse_complement("") == ""


@given(st.text("ACGTRYSWKMBDHVNacgtryswkmbdhvn"))
def test_reverse_complement_twice_changes_nothing(sequence: str) -> None:
    assert reverse_complement(reverse_complement(sequence)) == sequence


@pytest.mark.parametrize(("text", "found"), [("ACXG", "'X' at position 3"), ("AC\u00e9", "position 3")])
def test_reverse_complement_names_the_character_that_is_not_a_nucleotide(text: str, found: str) -> None:
    with pytest.raises(SequenceError, match=found):
        reverse_complement(text)


def test_a_bad_character_is_named_with_its_place_on_the_contig() -> None:
    require_nucleotides("acgtn")
    with pytest.raises(SequenceError, match=r"chr1 has '-' at position 1,003"):
        require_nucleotides("AC-T", "chr1", 1000)


def test_an_ambiguous_code_contains_its_bases_only() -> None:
    assert iupac_contains("R", "A")
    assert iupac_contains("r", "g")
    assert iupac_contains("N", "N")
    assert not iupac_contains("R", "C")
    assert not iupac_contains("A", "R")
    assert not iupac_contains("A", "-")
    assert not iupac_contains("-", "-")


@given(st.text("ACGTacgtNRX-"))
def test_acgt_counting_agrees_with_looking_at_each_letter(sequence: str) -> None:
    assert count_acgt(sequence) == sum(letter in "ACGTacgt" for letter in sequence)
    assert is_acgt(sequence) == all(letter in "ACGTacgt" for letter in sequence)
    assert is_nucleotides(sequence) == all(letter.upper() in IUPAC for letter in sequence)
