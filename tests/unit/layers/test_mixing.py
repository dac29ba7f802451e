"""Experts without gradients, in any number of pieces, against evaluating every expert for every token."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cistron.layers import mixing
from cistron.layers.mixing import by_grouped_product, mixed

EXPERTS, HIDDEN, INSIDE = 5, 16, 24


def dense(x, experts, weights, gate_up, down):
    """The definition in float64, token by token."""
    x, weights, gate_up, down = (part.double() for part in (x, weights, gate_up, down))
    out = torch.zeros_like(x)
    for token, (chosen, shares) in enumerate(zip(experts.tolist(), weights, strict=True)):
        for expert, share in zip(chosen, shares, strict=True):
            gate, up = (gate_up[expert] @ x[token]).chunk(2)
            out[token] += share * (down[expert] @ (F.silu(gate) * up))
    return out


@pytest.fixture
def problem(randn):
    def make(tokens, top_k=2, dtype=torch.float64):
        scores = randn(tokens, EXPERTS)
        scores[:, 3] = -99.0  # nobody's expert
        shares, experts = scores.topk(top_k)
        stacks = 0.3 * randn(EXPERTS, 2 * INSIDE, HIDDEN), 0.3 * randn(EXPERTS, HIDDEN, INSIDE)
        floats = (part.to(dtype) for part in (randn(tokens, HIDDEN), shares.softmax(-1), *stacks))
        x, weights, gate_up, down = floats
        return x, experts, weights, gate_up, down

    return make


@pytest.mark.parametrize("top_k", [1, 2, 4])
@pytest.mark.parametrize("tokens", [1, 2, 70])
def test_every_way_equals_the_dense_evaluation(problem, tokens, top_k):
    parts = problem(tokens, top_k)
    torch.testing.assert_close(mixed(*parts), dense(*parts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 64])
@pytest.mark.parametrize("tokens_at_once", [1, 7, 69, 70, 71])
def test_pieces_of_any_size_change_nothing(problem, monkeypatch, rows, tokens_at_once):
    parts = problem(70)
    monkeypatch.setattr(mixing, "_ROWS", rows)
    monkeypatch.setattr(mixing, "_TOKEN_BYTES", tokens_at_once * HIDDEN * 8)
    torch.testing.assert_close(mixed(*parts), dense(*parts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("tokens_at_once", [7, 70])
def test_half_precision_in_pieces_is_as_near_as_its_rounding(problem, monkeypatch, tokens_at_once):
    parts = problem(70, dtype=torch.bfloat16)
    monkeypatch.setattr(mixing, "_ROWS", 1)
    monkeypatch.setattr(mixing, "_TOKEN_BYTES", tokens_at_once * HIDDEN * 2)
    expected = dense(*parts)
    atol = 0.02 * float(expected.abs().max())
    torch.testing.assert_close(mixed(*parts).double(), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("top_k", [1, 2, 4])
@pytest.mark.parametrize("tokens", [1, 70])
def test_the_grouped_product_of_gpus_gives_the_same(problem, tokens, top_k):
    parts = problem(tokens, top_k, torch.bfloat16)
    expected = dense(*parts)
    atol = 0.02 * float(expected.abs().max())
    torch.testing.assert_close(by_grouped_product(*parts).double(), expected, rtol=0, atol=atol)


def test_wider_stacks_than_tokens_are_rounded_to_the_tokens(problem):
    x, experts, weights, gate_up, down = problem(20)
    half = x.bfloat16(), experts, weights.bfloat16()
    narrow = mixed(*half, gate_up.bfloat16(), down.bfloat16())
    assert torch.equal(mixed(*half, gate_up, down), narrow)


def test_no_tokens_give_no_tokens(problem):
    assert mixed(*problem(0)).shape == (0, HIDDEN)
