"""What of StripedHyena 2 can be divided among processes, and that dividing it changes nothing."""

from __future__ import annotations

import pytest
import torch

from cistron.errors import InputError
from cistron.models import MODELS
from cistron.training.parallel import Layout, Parallel

SPEC = MODELS.get("stripedhyena2")
CASES = {
    "shard": {"architecture": "stripedhyena2", "apply": {"checkpointing": True}},
    "tensor": {"architecture": "stripedhyena2", "layout": {"tensor": 2}, "documents": True},
}
HALF = {
    "half": {"architecture": "stripedhyena2", "dtype": "float32", "apply": {"param_dtype": "bfloat16"}},
}


@pytest.fixture(scope="module")
def one_and_two(train):
    alone = {
        name: {key: value for key, value in case.items() if key != "layout"}
        for name, case in (CASES | HALF).items()
    }
    return train(1, alone), train(2, CASES | HALF)


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_a_hyena_as_one_does(one_and_two, name):
    one, two = (found[name] for found in one_and_two)
    for expected, found in zip(one.measured, two.measured, strict=True):
        assert found == pytest.approx(expected, rel=1e-8, abs=0)
    for key, expected in one.parameters.items():
        torch.testing.assert_close(two.parameters[key], expected, rtol=1e-8, atol=1e-8)


def test_weights_that_travel_in_bfloat16_come_close_and_stay_in_float32(one_and_two):
    one, two = (found["half"] for found in one_and_two)
    assert {tensor.dtype for tensor in two.parameters.values()} == {torch.float32}
    for expected, found in zip(one.measured, two.measured, strict=True):
        assert found == pytest.approx(expected, rel=0.03)
        assert found != pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout(context=2), ["context=2 is not possible", "names no heads and sequence", "set context to 1"]),
        (Layout(expert=2), ["expert=2 is not possible", "names no dispatch and experts", "set expert to 1"]),
        (Layout(tensor=3), ["does not divide", "_heads of 4", "1, 2, 4 would do"]),
    ],
)
def test_what_a_hyena_cannot_be_divided_by_is_refused_in_one_line(layout, words):
    with pytest.raises(InputError) as caught:
        layout.check(SPEC, SPEC.sizes["evo2-tiny"])
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


def test_mlps_and_attention_of_every_block_are_divided_and_filters_are_not():
    model = SPEC.build(SPEC.sizes["evo2-tiny"])
    names = {name for name, _ in model.named_modules()}
    for pattern in SPEC.parallel_plan:
        assert any(name.endswith(pattern.rpartition("*.")[2]) for name in names), pattern
    assert not any("filter" in pattern for pattern in SPEC.parallel_plan)
    assert Parallel(Layout(), SPEC, SPEC.sizes["evo2-tiny"], torch.device("cpu")).apply(model) is model
