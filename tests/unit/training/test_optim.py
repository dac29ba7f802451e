from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from cistron.models import MODELS
from cistron.training.optim import adamw, set_rate, take_logarithms
from cistron.training.pretrain import OptimSettings

SETTINGS = OptimSettings(weight_decay=0.1)
START = torch.tensor([-1.0, -0.03, -5e-4, 2.0], dtype=torch.float64)


class Scales(nn.Module):
    """One matrix of numbers that are trained by factors."""

    undecayed = multiplicative = ("scale",)

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(START.clone().view(2, 2))


def loss(scale: Tensor) -> Tensor:
    return (scale.flatten() - torch.tensor([-0.5, -0.1, -2e-3, 1.0])).square().mul(100).sum()


def steps(optimizer: torch.optim.Optimizer, count: int, backward: Callable[[], None]) -> None:
    set_rate(optimizer, 0.05)
    for _ in range(count):
        optimizer.zero_grad()
        backward()
        optimizer.step()


def test_training_by_factors_is_adamw_on_the_logarithm() -> None:
    model = Scales()

    def ours() -> None:
        loss(model.scale).backward()
        take_logarithms(model)

    steps(adamw(model, SETTINGS), 30, ours)
    logarithm = nn.Parameter(START.abs().log())
    plain = torch.optim.AdamW([logarithm], lr=0.05, betas=(0.9, 0.95), weight_decay=0.0)
    steps(plain, 30, lambda: loss(START.sign() * logarithm.exp()).backward())
    expected = START.sign() * logarithm.detach().exp()
    torch.testing.assert_close(model.scale.detach().flatten(), expected, rtol=1e-9, atol=0)


def test_a_pole_that_wants_to_leave_the_unit_circle_comes_close_and_does_not() -> None:
    model = Scales()

    def outwards() -> None:
        model.scale.grad = -torch.ones_like(model.scale)
        take_logarithms(model)

    steps(adamw(model, SETTINGS), 200, outwards)
    poles = model.scale.detach().flatten()[:3]
    assert bool((poles < 0).all())
    assert bool((poles > START[:3] / 100).all())


def test_a_resumed_optimiser_goes_on_as_if_it_had_not_stopped() -> None:
    def backward(model: Scales) -> Callable[[], None]:
        def run() -> None:
            loss(model.scale).backward()
            take_logarithms(model)

        return run

    whole, half = Scales(), Scales()
    steps(adamw(whole, SETTINGS), 8, backward(whole))
    first = adamw(half, SETTINGS)
    steps(first, 5, backward(half))
    second = adamw(half, SETTINGS)
    second.load_state_dict(first.state_dict())
    steps(second, 3, backward(half))
    assert torch.equal(whole.scale, half.scale)


def test_filters_poles_norms_and_biases_of_a_hyena_are_not_decayed_and_matrices_are() -> None:
    spec = MODELS.get("stripedhyena2")
    model = spec.build(spec.sizes["evo2-tiny"])
    optimizer = adamw(model, SETTINGS)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed, spared = ([names[id(p)] for p in group["params"]] for group in optimizer.param_groups)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    matrices = ["embedding_layer", "projections", "l1", "l2", "l3", "out_filter_dense", "Wqkv", "out_proj"]
    assert {name.split(".")[-2] for name in decayed} == set(matrices)
    assert all(name.endswith(".weight") for name in decayed)
    assert all(name.endswith((".scale", ".bias", ".D")) or ".filter." in name for name in spared)
    assert any(name.endswith("log_poles") for name in spared)
    assert len(decayed) + len(spared) == len(names)


@pytest.mark.parametrize("name", ["genos", "stripedhyena2"])
def test_a_step_adds_the_rate_everywhere_but_to_poles_which_it_multiplies(name: str) -> None:
    spec = MODELS.get(name)
    config = min(spec.sizes.values(), key=lambda size: size.hidden_size)
    torch.manual_seed(0)
    model = spec.build(config)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = adamw(model, OptimSettings(weight_decay=0.0))
    set_rate(optimizer, 1e-3)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for key, value in model.named_parameters():
        moved = before[key] * 1.0010005 if "log_poles" in key else before[key] - 1e-3
        torch.testing.assert_close(value.detach(), moved.detach(), rtol=1e-5, atol=1e-6)


def test_one_rate_moves_memories_of_all_lengths_by_the_same_share() -> None:
    spec = MODELS.get("stripedhyena2")
    filters = spec.build(spec.sizes["evo2-tiny"]).blocks[2].filter
    optimizer = adamw(filters, SETTINGS)
    set_rate(optimizer, 1e-2)
    with torch.no_grad():
        filters.log_poles.copy_(-torch.logspace(-4, 0, filters.log_poles.numel()).view_as(filters.log_poles))
    before = filters.log_poles.detach().clone()
    filters.log_poles.grad = torch.ones_like(filters.log_poles)
    optimizer.step()
    shares = (filters.log_poles.detach() / before).flatten().tolist()
    assert all(one == pytest.approx(other, rel=1e-5) for one, other in pairwise(shares))
    assert shares[0] == pytest.approx(1.0100502, rel=1e-5)
