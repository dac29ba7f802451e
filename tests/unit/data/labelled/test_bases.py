"""Labels of bases: letters or a list, one for each base, points where nothing is known."""

from __future__ import annotations

import pytest

from cistron.data.labelled import Item
from cistron.data.labelled.bases import labelled_bases
from cistron.errors import InputError


@pytest.mark.parametrize("text", ["EI.", "E, I, ."])
def test_every_base_has_its_label(text):
    found = list(labelled_bases(Item("x", ("ACG",), (text,))))
    assert [(base.name, base.sequences, base.labels) for base in found] == [
        ("base 1 of x", ("A",), ("E",)),
        ("base 2 of x", ("C",), ("I",)),
        ("base 3 of x", ("G",), ("",)),
    ]


def test_several_columns_label_a_base_together():
    found = list(labelled_bases(Item("x", ("AC",), ("01", "0.5,1.5"))))
    assert [base.labels for base in found] == [("0", "0.5"), ("1", "1.5")]


@pytest.mark.parametrize(("text", "count"), [("EI", 2), ("E,I,E,I", 4), ("", 0)])
def test_another_number_of_labels_than_bases_is_refused(text, count):
    with pytest.raises(InputError, match=f"x has {count} labels for 3 bases"):
        list(labelled_bases(Item("x", ("ACG",), (text,))))
