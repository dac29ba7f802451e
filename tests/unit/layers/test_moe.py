"""The sparse mixture against evaluating every expert for every token."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from cistron.layers.moe import Routing, SparseMoE, router_statistics

SIZES = {"experts": 5, "top_k": 2, "hidden": 6, "intermediate": 7}


def mixture(randn, dtype=torch.float64, **sizes):
    sizes = SIZES | sizes
    moe = SparseMoE(sizes["experts"], sizes["top_k"], sizes["hidden"], sizes["intermediate"]).double()
    for parameter in moe.parameters():
        parameter.data = 0.7 * randn(*parameter.shape)
    return moe.to(dtype).eval()


def dense(moe, x):
    """Softmax over all experts, the best renormalised, every expert's SwiGLU evaluated."""
    x = x.double()
    probabilities = (x @ moe.gate.weight.double().T).softmax(-1)
    out = torch.zeros_like(x)
    for row in range(len(x)):
        chosen = probabilities[row].argsort(descending=True)[: moe.top_k].tolist()
        total = sum(float(probabilities[row, expert]) for expert in chosen)
        for expert in chosen:
            gate, up = (moe.experts.gate_up_proj[expert].double() @ x[row]).chunk(2)
            hidden = F.silu(gate) * up
            out[row] += (
                float(probabilities[row, expert]) / total * (moe.experts.down_proj[expert].double() @ hidden)
            )
    return out


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("top_k", [1, 2, 5])
@pytest.mark.parametrize("tokens", [1, 3, 40])
def test_the_mixture_equals_the_dense_evaluation(randn, tokens, top_k, gradient):
    moe, x = mixture(randn, top_k=top_k), randn(1, tokens, SIZES["hidden"])
    with torch.set_grad_enabled(gradient):
        found, statistics = moe(x)
    with torch.no_grad():
        torch.testing.assert_close(found[0], dense(moe, x[0]), rtol=0, atol=1e-12)
    assert statistics is None


def test_more_tokens_than_go_through_an_expert_at_once_change_nothing(randn):
    moe, x = mixture(randn, experts=2, top_k=2), randn(1, 1300, SIZES["hidden"])
    with torch.no_grad():
        whole, _ = moe(x)
        parts = torch.cat([moe(part)[0] for part in x.split(97, dim=1)], dim=1)
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(whole[0, -5:], dense(moe, x[0, -5:]), rtol=0, atol=1e-12)


def test_experts_that_nobody_chooses_are_no_special_case(randn):
    moe, x = mixture(randn), randn(1, 9, SIZES["hidden"]).abs()
    moe.gate.weight.data[:3] = -50.0
    with torch.no_grad():
        found, _ = moe(x)
        torch.testing.assert_close(found[0], dense(moe, x[0]), rtol=0, atol=1e-12)
    assert set(moe.route(x[0]).experts.flatten().tolist()) == {3, 4}


def test_no_tokens_give_no_tokens(randn):
    assert mixture(randn)(randn(2, 0, SIZES["hidden"]))[0].shape == (2, 0, SIZES["hidden"])


def test_inputs_are_not_changed(randn):
    moe, x = mixture(randn), randn(2, 8, SIZES["hidden"])
    before = x.clone()
    with torch.no_grad():
        moe(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("tokens", [1, 127, 128, 300])
def test_bfloat16_pads_experts_with_rows_that_count_for_nothing(randn, tokens):
    moe, x = mixture(randn, torch.bfloat16), randn(1, tokens, SIZES["hidden"]).bfloat16()
    with torch.no_grad():
        found, _ = moe(x)
        expected = dense(moe, x[0])
    assert found.dtype == torch.bfloat16
    scale = float(expected.abs().max())
    torch.testing.assert_close(found[0].double(), expected, rtol=0, atol=0.02 * scale)


def test_half_precision_is_routed_as_float32_routes_it(randn):
    half, x = mixture(randn, torch.bfloat16), randn(1, 200, SIZES["hidden"]).bfloat16()
    single = mixture(randn).float()
    single.load_state_dict({name: value.float() for name, value in half.state_dict().items()})
    routing, expected = half.route(x[0]), single.route(x[0].float())
    assert routing.logits.dtype == torch.float32
    assert torch.equal(routing.experts, expected.experts)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(single.route(x[0].float()).logits, expected.logits)


@pytest.mark.parametrize("gradient", [False, True])
def test_autocast_runs_experts_of_float32_in_half_precision(randn, gradient):
    moe, x = mixture(randn).float(), randn(1, 90, SIZES["hidden"]).float()
    with torch.set_grad_enabled(gradient), torch.autocast("cpu", torch.bfloat16):
        found, _ = moe(x)
    with torch.no_grad():
        expected = dense(moe, x[0])
    assert found.dtype == torch.float32
    scale = float(expected.abs().max())
    torch.testing.assert_close(found[0].double().detach(), expected, rtol=0, atol=0.02 * scale)


def test_a_wide_input_of_narrow_experts_is_routed_as_it_is_and_answered_wide(randn):
    moe, x = mixture(randn, torch.bfloat16), randn(1, 300, SIZES["hidden"]).float()
    with torch.no_grad():
        found, _ = moe(x)
        expected = dense(moe, x[0])
    assert found.dtype == torch.float32
    scale = float(expected.abs().max())
    torch.testing.assert_close(found[0].double(), expected, rtol=0, atol=0.02 * scale)


def test_chosen_weights_sum_to_one_best_first(randn):
    routing = mixture(randn, top_k=3).route(randn(50, SIZES["hidden"]))
    torch.testing.assert_close(routing.weights.sum(1), torch.ones(50, dtype=torch.float64))
    assert (routing.weights[:, :-1] >= routing.weights[:, 1:]).all()
    assert all(len(set(row)) == 3 for row in routing.experts.tolist())


def test_gradients_of_the_mixture(randn):
    moe = mixture(randn, experts=3, hidden=3, intermediate=2)
    x = randn(1, 4, 3).requires_grad_()
    names = [name for name, _ in moe.named_parameters()]

    def run(x, *values):
        return torch.func.functional_call(moe, dict(zip(names, values, strict=True)), (x,))[0]

    assert torch.autograd.gradcheck(run, (x, *(p.detach().requires_grad_() for p in moe.parameters())))


def statistics_of(rows, chosen, experts):
    """The three statistics with Python numbers, over the tokens given."""
    counts = [0.0] * experts
    for pair in chosen:
        for expert in pair:
            counts[expert] += 1
    sums = [sum(math.exp(value) for value in row) for row in rows]
    mean = [
        sum(math.exp(row[e]) / total for row, total in zip(rows, sums, strict=True)) / len(rows)
        for e in range(experts)
    ]
    return counts, mean, sum(math.log(total) ** 2 for total in sums) / len(rows)


@pytest.mark.parametrize("valid", [None, [[1, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 1]]])
def test_router_statistics_count_the_valid_tokens_alone(randn, valid):
    logits = randn(12, 4)
    best = logits.topk(2).indices
    keep = [True] * 12 if valid is None else [bool(v) for row in valid for v in row]
    rows = [row for row, kept in zip(logits.tolist(), keep, strict=True) if kept]
    chosen = [row for row, kept in zip(best.tolist(), keep, strict=True) if kept]
    mask = None if valid is None else torch.tensor(valid).bool()
    found = router_statistics(Routing(best, logits.topk(2).values.softmax(-1), logits), mask)
    counts, mean, z_loss = statistics_of(rows, chosen, 4)
    assert found.expert_counts.tolist() == counts
    assert found.router_probability.tolist() == pytest.approx(mean, abs=1e-12)
    assert float(found.z_loss) == pytest.approx(z_loss, abs=1e-12)


def test_training_mode_returns_the_statistics_and_the_same_output(randn):
    moe, x = mixture(randn), randn(2, 8, SIZES["hidden"])
    silent, _ = moe(x)
    loud, statistics = moe.train()(x)
    torch.testing.assert_close(loud, silent, rtol=0, atol=1e-12)
    assert float(statistics.expert_counts.sum()) == 2 * 8 * SIZES["top_k"]
