"""Parts: what decides them, that groups stay together, and that leaks between them are named."""

from __future__ import annotations

import random

import pytest

from cistron.data.labelled import Item, LabelledData
from cistron.data.labelled.splitting import counted, leak_report, split_items
from cistron.errors import InputError


def item(number, group="", place=None, split=""):
    bases = "".join(random.Random(number).choices("ACGT", k=100))
    return Item(f"i{number}", (bases,), (str(number % 2),), group=group, place=place, split=split)


def names(parts):
    return {split: [i.name for i in items] for split, items in parts.items()}


def test_groups_stay_on_one_side_and_shares_are_kept():
    items = [item(n, group=f"g{n // 4}") for n in range(2000)]
    parts = split_items(LabelledData(("x",)), {"train": items}, seed=1)
    where = {}
    for split, found in parts.items():
        for each in found:
            assert where.setdefault(each.group, split) == split
    assert len(parts["train"]) / 2000 == pytest.approx(0.8, abs=0.06)
    assert not leak_report({k: v[:50] for k, v in parts.items()})


def test_more_data_does_not_move_what_was_there():
    data = LabelledData(("x",), by="random")
    few = names(split_items(data, {"train": [item(n) for n in range(100)]}, seed=3))
    more = names(split_items(data, {"train": [item(n) for n in range(200)]}, seed=3))
    assert all(set(few[split]) <= set(more[split]) for split in few)
    other = names(split_items(data, {"train": [item(n) for n in range(100)]}, seed=4))
    assert other != few


def test_a_column_decides_whatever_it_calls_the_parts():
    items = [item(0, split="Train"), item(1, split="dev"), item(2, split="test")]
    found = names(split_items(LabelledData(("x",), split="part"), {"train": items}, seed=0))
    assert found == {"train": ["i0"], "validation": ["i1"], "test": ["i2"]}


def test_chromosomes_decide_under_either_name():
    items = [item(n, place=(chrom, 0, 100)) for n, chrom in enumerate(["chr1", "chr8", "chr9"])]
    data = LabelledData(("x",), by="chromosome", validation_chromosomes=("8",), test_chromosomes=("chr9",))
    assert names(split_items(data, {"train": items}, seed=0))["test"] == ["i2"]


def test_files_of_their_own_come_first():
    given = {"train": [item(n) for n in range(40)], "test": [item(100)]}
    parts = split_items(LabelledData(("x",)), given, seed=0)
    assert [i.name for i in parts["test"]] == ["i100"]
    assert len(parts["train"]) + len(parts["validation"]) == 40
    assert parts["validation"]


def test_what_a_part_shares_with_the_training_part_is_named():
    parts = {"train": [item(1), item(2)], "validation": [item(3)], "test": [item(1)]}
    found = leak_report(parts)
    assert list(found) == ["test"]
    assert "is in the training part too" in str(found["test"][0])


def test_parts_are_counted_in_one_line():
    parts = {"train": [item(1), item(2), item(3)], "validation": [item(4)], "test": [item(5)]}
    assert counted(parts) == "train 3 (0 1, 1 2), validation 1 (0 1), test 1 (1 1)"


@pytest.mark.parametrize(
    ("settings", "items", "said"),
    [
        ({"by": "colour"}, [item(0)], "data.by is 'colour'"),
        ({"split": "part"}, [item(0, split="?")], "has '\\?' in part"),
        ({"by": "chromosome"}, [item(0)], "has no place"),
        ({"shares": (1.0, 0.5)}, [item(0)], "three numbers"),
        ({}, [item(0)], "no item is in the"),
    ],
)
def test_splits_that_cannot_be_are_refused(settings, items, said):
    with pytest.raises(InputError, match=said):
        split_items(LabelledData(("x",), **settings), {"train": items}, seed=0)
