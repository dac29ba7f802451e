"""What labels mean: kinds found from values, weights from counts, bases encoded and padded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cistron.data.labelled import Item
from cistron.errors import InputError
from cistron.training.finetune.base_targets import base_targets_of
from cistron.training.finetune.results import measured
from cistron.training.finetune.targets import targets_of


def items(*labels):
    rows = [label if isinstance(label, tuple) else (label,) for label in labels]
    return [Item(f"i{number}", ("ACG",), row) for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["a", "b"], "binary"),
        (["0", "1"], "binary"),
        (["1", "2", "3"], "multiclass"),
        (["0.5", "1.25"], "regression"),
        ([str(number) for number in range(30)], "regression"),
        ([("0", "1"), ("1", "")], "multilabel"),
        ([("0.1", "1"), ("1", "2")], "regression"),
    ],
)
def test_the_kind_follows_from_the_values(labels, kind):
    columns = tuple(f"c{n}" for n in range(len(items(*labels)[0].labels)))
    assert targets_of(items(*labels), columns, None, balance=False).kind == kind


def test_rare_classes_weigh_more():
    found = targets_of(items("a", "a", "a", "b"), ("label",), None, balance=True)
    assert found.settings["weights"] == (3.0,)
    three = targets_of(items("a", "a", "b", "c"), ("label",), None, balance=True)
    assert three.settings["weights"] == pytest.approx((2 / 3, 4 / 3, 4 / 3))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "a"], "all 2 items have the label 'a'; two classes are needed"),
        (["a", "b", ""], "i2 has no label"),
        (["1.5", "1.5"], "all values of label are the same"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels, said):
    with pytest.raises(InputError, match=said):
        targets_of(items(*labels), ("label",), "regression" if "." in labels[0] else None, balance=True)


def test_bases_are_encoded_and_padded_with_what_does_not_count():
    train = [Item("x", ("ACGT",), ("EI.N",)), Item("y", ("AC",), ("IE",))]
    found = base_targets_of(train, ("label",), None, balance=False)
    assert (found.kind, found.labels) == ("multiclass", ("E", "I", "N"))
    assert found.encode(train).tolist() == [[0, 1, -1, 2], [1, 0, -1, -1]]


def test_values_of_bases_are_encoded_with_nan_where_nothing_is_known():
    train = [Item("x", ("ACG",), ("0.5,.,2",)), Item("y", ("A",), ("1",))]
    found = base_targets_of(train, ("signal",), "regression", balance=False)
    expected = torch.tensor([[0.5, torch.nan, 2.0], [1.0, torch.nan, torch.nan]])[..., None]
    torch.testing.assert_close(found.encode(train), expected, equal_nan=True)


def test_metrics_are_of_what_is_known():
    train = items(*[(str(n % 2), str(n % 3 % 2)) for n in range(12)])
    targets = targets_of(train, ("a", "b"), "multilabel", balance=False)
    truth = targets.encode(train)
    answers = truth.clone()
    truth[:3, 0], answers[:3, 0] = torch.nan, 0.5
    found = measured(targets, answers, truth, train)
    assert {name: value["estimate"] for name, value in found.items()} == {"auroc a": 1.0, "auroc b": 1.0}


def test_bases_count_each_and_their_item_is_drawn_whole():
    rng = np.random.default_rng(0)
    train = [Item(f"i{n}", ("A" * 10,), ("".join(rng.choice(list("EI"), 10)),)) for n in range(8)]
    targets = base_targets_of(train, ("label",), "binary", balance=False)
    truth = targets.encode(train)
    said = torch.cat([1 - truth, truth], dim=-1)
    assert measured(targets, said, truth, train)["accuracy"] == {"estimate": 1.0, "low": 1.0, "high": 1.0}
    truth[:4] = torch.nan
    few = measured(targets, said, truth, train)["accuracy"]
    assert few == {"estimate": 1.0}
