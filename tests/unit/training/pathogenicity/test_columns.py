"""Columns beside the states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.formats.fasta import Fasta
from cistron.genome import Variant
from cistron.training.pathogenicity.columns import WORDS, column_values, word_values


def test_columns_are_made_by_their_names():
    names = ("so:missense_variant", "llr", "so:stop_gained")
    found = column_values(names, [-1.0, 2.0], [("missense_variant", "splice_region_variant"), ()])
    assert found[0].tolist() == [1.0, -1.0, 0.0]
    assert found[1, 1] == 2.0
    assert np.isnan(found[1, [0, 2]]).all()


def test_consequences_that_are_needed_and_missing_are_asked_for():
    with pytest.raises(InputError, match="--annotation"):
        column_values(("so:stop_gained",), [0.0], None)
    with pytest.raises(InputError, match="'mass' that this version does not know"):
        column_values(("mass",), [0.0], None)


def test_words_count_the_reference_and_what_the_alternative_changes(tmp_path: Path):
    path = tmp_path / "g.fa"
    path.write_text(">1\n" + "A" * 200 + "\n")
    with Fasta(path) as genome:
        (row,) = word_values([Variant("1", 100, "A", "C")], genome)
    found = {name: value for name, value in zip(WORDS, row.tolist(), strict=True) if value}
    assert found == {
        "word:AAA": 126,
        "change:AAA": -3,
        "change:AAC": 1,
        "change:ACA": 1,
        "change:CAA": 1,
    }
