"""Consequences as records: order, choice, packed text."""

from __future__ import annotations

from cistron.genome.consequences import FIELDS, IMPACT, TERMS, Consequence, by_severity, told


def one(term: str, gene: str = "G", name: str = "T", **more: bool) -> Consequence:
    return Consequence((term,), symbol=gene, gene=gene, transcript=name, biotype="protein_coding", **more)


def test_terms_are_ordered_by_impact():
    order = ["HIGH", "MODERATE", "LOW", "MODIFIER"]
    ranks = [order.index(IMPACT[term]) for term in TERMS]
    assert ranks == sorted(ranks)
    assert by_severity(["intron_variant", "stop_gained", "intron_variant"]) == (
        "stop_gained",
        "intron_variant",
    )


def test_of_each_gene_the_worst_and_the_mane_transcript_are_told():
    worst = one("stop_gained", name="T1")
    mane = one("intron_variant", name="T2", mane=True)
    canonical = one("intron_variant", name="T3", canonical=True)
    other = one("missense_variant", gene="H", name="T4")
    assert told([canonical, mane, other, one("intron_variant", name="T5"), worst]) == [worst, other, mane]


def test_a_mane_transcript_that_is_the_worst_is_told_once():
    mane = one("missense_variant", name="T9", mane=True)
    assert told([one("missense_variant", name="T1"), mane]) == [mane]


def test_without_mane_the_canonical_transcript_stands_beside_the_worst():
    worst, canonical = one("stop_gained"), one("intron_variant", name="T2", canonical=True)
    assert told([canonical, worst]) == [worst, canonical]


def test_packed_text_has_every_column_and_no_character_that_vcf_reserves():
    odd = Consequence(("missense_variant",), symbol="A;B,C|D =E", strand="-", tss_distance=-7)
    cells = dict(zip(FIELDS, odd.packed("G").split("|"), strict=True))
    assert cells["SYMBOL"] == "A_B_C_D__E"
    assert (cells["Allele"], cells["IMPACT"], cells["STRAND"], cells["TSS_DISTANCE"]) == (
        "G",
        "MODERATE",
        "-1",
        "-7",
    )
