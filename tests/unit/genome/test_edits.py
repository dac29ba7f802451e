from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.evals.requests import Contigs
from cistron.genome import Strand, Variant
from cistron.genome.coding import CodingGene
from cistron.genome.edits import beside, replaced, whole_codons
from cistron.genome.sequence import reverse_complement

BASES = "ACGTTGCAAGCTTACGGATC"
CONTIGS = Contigs((("1", BASES),))


def applied(variant: Variant) -> str:
    end = variant.start + len(variant.ref)
    assert BASES[variant.start : end] == variant.ref
    return BASES[: variant.start] + variant.alt + BASES[end:]


@given(st.integers(1, 19), st.integers(0, 6), st.text("ACGT", max_size=4), st.sampled_from(["+", "-"]))
def test_an_edit_in_reading_direction_is_the_same_edit_on_the_plus_strand(
    start: int, length: int, alt: str, strand: Strand
) -> None:
    end = min(start + length, len(BASES))
    variant = replaced(CONTIGS, "1", strand, start, end, alt)
    assert variant is not None
    if strand == "+":
        assert applied(variant) == BASES[:start] + alt + BASES[end:]
    else:
        sense = reverse_complement(BASES)
        wanted = sense[: len(BASES) - end] + alt + sense[len(BASES) - start :]
        assert applied(variant) == reverse_complement(wanted)
    assert variant.ref
    assert variant.alt


def test_edits_that_vcf_cannot_spell_are_none() -> None:
    assert replaced(CONTIGS, "1", "+", 0, 2, "") is None
    assert replaced(CONTIGS, "1", "+", 18, 21, "ACG") is None
    assert replaced(Contigs((("1", "ACNGT"),)), "1", "+", 2, 3, "A") is None


def test_places_behind_the_origin_of_a_circle_are_counted_from_its_first_base() -> None:
    assert replaced(CONTIGS, "1", "+", 22, 23, "A") == Variant("1", 3, "G", "A")


@pytest.mark.parametrize(("strand", "base"), [("+", "T"), ("-", "G")])
def test_the_base_beside_a_place_is_told_in_reading_direction(strand: Strand, base: str) -> None:
    gene = CodingGene("g", "1", strand, ((0, 9),))
    assert beside(CONTIGS, gene, 2, 1, circular=False) == ((3, base) if strand == "+" else (1, base))
    assert beside(CONTIGS, gene, 2, 30, circular=False) is None
    assert beside(CONTIGS, gene, 2, 20, circular=True) == (2, "G" if strand == "+" else "C")


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_codon_that_an_intron_divides_is_left_out(strand: Strand) -> None:
    parts = ((0, 4), (8, 13)) if strand == "+" else ((9, 13), (0, 5))
    whole = list(whole_codons(CodingGene("g", "1", strand, parts)))
    assert whole == ([(0, 0, 3), (2, 10, 13)] if strand == "+" else [(0, 10, 13), (2, 0, 3)])
