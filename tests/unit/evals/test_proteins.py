from __future__ import annotations

import pytest

from cistron.evals.proteins import recovered, translated

pytest.importorskip("Bio")


def test_translation_stops_at_a_stop_and_leaves_out_half_a_codon() -> None:
    assert translated("ATGAAATAAGGG", 11) == "MK"
    assert translated("ATGANAAT", 11) == "MX"
    assert translated("ATGTGAAAA", 4) == "MWK"


def test_only_amino_acids_beyond_those_given_count() -> None:
    protein = "MKTAYIAKQRQISFVKSHFS"
    assert recovered(protein, protein, beyond=5) == 1.0
    assert recovered(protein[:5], protein, beyond=5) == 0.0
    assert recovered(protein[:5] + "GGGGGGGGGGGGGGG", protein, beyond=5) < 0.1
    half = protein[:12]
    assert recovered(half, protein, beyond=4) == pytest.approx(8 / 16)


def test_an_insertion_costs_what_it_displaces_and_no_more() -> None:
    protein = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ"
    assert recovered(protein[:20] + "G" + protein[20:], protein, beyond=10) == pytest.approx(1.0, abs=0.03)


def test_nothing_written_recovers_nothing() -> None:
    assert recovered("", "MKT", beyond=1) == 0.0
