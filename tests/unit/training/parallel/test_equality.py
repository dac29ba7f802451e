"""Training on many processes is training on one."""

from __future__ import annotations

import itertools

import pytest
import torch

BOUND = {"float64": 1e-8, "float32": 1e-4}

TWO = {
    "shard": {},
    "tensor": {"layout": {"tensor": 2}},
    "expert": {"layout": {"expert": 2}},
    "context": {"layout": {"context": 2}},
}
"""Each kind on its own, on two processes."""

VARIANTS = {
    "shard_ngram": {"architecture": "ngram"},
    "context_documents": {"layout": {"context": 2}, "documents": True},
    "expert_lopsided": {"layout": {"expert": 2}, "lopsided": True},
    "expert_checkpointing": {"layout": {"expert": 2}, "apply": {"checkpointing": True}},
    "expert_parts": {"layout": {"expert": 2}, "parts": 2},
    "expert_parts_held": {"layout": {"expert": 2}, "parts": 2, "hold": True},
}
"""What else may differ between one process and two, in float64."""

FOUR = {
    "shard_expert": {"layout": {"shard": 4, "expert": 2}},
    "shard_tensor": {"layout": {"shard": 2, "tensor": 2}},
    "shard_context": {"layout": {"shard": 2, "context": 2}},
    "expert_context": {"layout": {"shard": 2, "expert": 2, "context": 2}},
    "tensor_expert": {"layout": {"shard": 2, "tensor": 2, "expert": 2}},
    "tensor_context": {"layout": {"tensor": 2, "context": 2}, "kv_heads": 4},
    "context_four": {"layout": {"context": 4}, "kv_heads": 4, "documents": True},
}
"""Kinds together, on four processes."""

HALF = {"half": {"layout": {"expert": 2}, "dtype": "float32", "apply": {"param_dtype": "bfloat16"}}}


def in_both_dtypes(cases):
    return {
        f"{name}_{dtype}": case | {"dtype": dtype}
        for (name, case), dtype in itertools.product(cases.items(), BOUND)
    }


def in_float64(cases):
    return {f"{name}_float64": case | {"dtype": "float64"} for name, case in cases.items()}


def alone(cases):
    return {
        name: {key: value for key, value in case.items() if key != "layout"} for name, case in cases.items()
    }


@pytest.fixture(scope="module")
def two(train):
    cases = in_both_dtypes(TWO) | VARIANTS | HALF
    return train(1, alone(cases)), train(2, cases)


@pytest.fixture(scope="module")
def four(train):
    cases = in_float64(FOUR)
    return train(1, alone(cases)), train(4, cases)


def assert_equal(one, many, name):
    bound = BOUND["float32" if name.endswith("float32") else "float64"]
    assert len(one[name].measured) == len(many[name].measured) == 11
    for expected, found in zip(one[name].measured, many[name].measured, strict=True):
        assert found == pytest.approx(expected, rel=bound, abs=0)
    for key, expected in one[name].parameters.items():
        found = many[name].parameters[key]
        torch.testing.assert_close(found, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("name", in_both_dtypes(TWO))
def test_two_processes_have_the_losses_norms_and_parameters_of_one(two, name):
    assert_equal(*two, name)


@pytest.mark.parametrize("name", VARIANTS)
def test_two_processes_are_like_one_also(two, name):
    assert_equal(*two, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", in_float64(FOUR))
def test_four_processes_have_the_losses_norms_and_parameters_of_one(four, name):
    assert_equal(*four, name)


def test_the_loss_falls_and_gradients_are_clipped(two):
    measured = two[0]["shard_float64"].measured
    assert measured[-1]["validation"] < measured[0]["cross_entropy"]
    assert measured[0]["norm"] > 0.5


def test_documents_and_lopsided_experts_change_the_numbers(two):
    plain = two[0]["context_float64"].measured[0]
    assert two[0]["context_documents"].measured[0]["cross_entropy"] != plain["cross_entropy"]
    assert two[0]["expert_lopsided"].measured[0]["balance"] > 3.9  # 2 layers, half of the experts


def test_half_precision_keeps_whole_weights_and_comes_close(two):
    one, many = two[0]["half"], two[1]["half"]
    assert {tensor.dtype for tensor in many.parameters.values()} == {torch.float32}
    for expected, found in zip(one.measured, many.measured, strict=True):
        assert found == pytest.approx(expected, rel=0.03)
        assert found != pytest.approx(expected, rel=1e-6)
