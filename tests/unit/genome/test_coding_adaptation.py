from __future__ import annotations

import pytest

from cistron.errors import InputError
from cistron.genome.coding_adaptation import adaptation_weights
from cistron.genome.genetic_code import genetic_code


def test_a_codon_weighs_what_its_anticodons_and_the_wobbling_ones_give_it() -> None:
    # GAA reads TTC fully and TTT with a penalty of 0.41; TTT is read by no anticodon of its own here.
    weights = adaptation_weights({"GAA": 2, "CAT": 4}, genetic_code(11))
    assert weights["ATG"] == 1
    assert weights["TTC"] == pytest.approx(2 / 4)
    assert weights["TTT"] == pytest.approx(2 * (1 - 0.41) / 4)


def test_codons_that_nothing_reads_get_the_geometric_mean_of_the_others() -> None:
    weights = adaptation_weights({"GAA": 1}, genetic_code(1))
    assert weights["GGG"] == pytest.approx((1 * 0.59) ** 0.5)
    assert len(weights) == 61


def test_an_annotation_without_anticodons_cannot_weigh_codons() -> None:
    with pytest.raises(InputError, match="no transfer RNA with a known anticodon"):
        adaptation_weights({}, genetic_code(1))
