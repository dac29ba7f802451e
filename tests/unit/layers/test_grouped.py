"""Rows grouped by expert, against doing it expert by expert."""

from __future__ import annotations

import pytest
import torch

from cistron.layers.grouped import from_experts, grouped_linear, place_rows, to_experts


def routing(tokens: int, experts: int, top_k: int, seed: int) -> torch.Tensor:
    """Distinct experts per token; the last expert gets none."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(tokens, experts - 1, generator=generator)
    return scores.topk(top_k).indices


@pytest.mark.parametrize("multiple", [1, 4])
def test_every_slot_stands_among_the_rows_of_its_expert_and_knows_its_token(multiple):
    experts = routing(13, 5, 2, seed=1)
    places = place_rows(experts, 5, multiple)
    ends = torch.tensor(places.sizes).cumsum(0)
    found = torch.searchsorted(ends, places.slots, right=True)
    assert torch.equal(found, experts)
    assert torch.equal(places.tokens[places.slots], torch.arange(13).unsqueeze(1).expand(-1, 2))
    assert places.slots.unique().numel() == 26
    assert all(size % multiple == 0 for size in places.sizes)
    assert places.sizes[-1] == 0


def test_the_number_of_rows_does_not_depend_on_the_routing():
    rows = {len(place_rows(routing(40, 6, 2, seed), 6, 8).tokens) for seed in range(9)}
    assert len(rows) == 1


def test_a_token_comes_back_as_the_sum_of_its_slots():
    places = place_rows(routing(9, 4, 2, seed=2), 4, 4)
    x = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(from_experts(to_experts(x, places), places), 2 * x)


def test_gradients_through_experts_and_back_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(4)
    places = place_rows(routing(6, 3, 2, seed=5), 3, 4)
    used = torch.zeros(len(places.tokens), 1, dtype=torch.float64)
    used[places.slots.flatten()] = 1
    x = torch.randn(6, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    stack = torch.randn(3, 5, 4, dtype=torch.float64, generator=generator, requires_grad=True)

    def through(x, stack):
        return from_experts(grouped_linear(to_experts(x, places), stack, places.sizes) * used, places)

    assert torch.autograd.gradcheck(through, (x, stack))


def test_products_are_those_of_each_expert_alone_and_zero_behind_them():
    generator = torch.Generator().manual_seed(6)
    rows = torch.randn(10, 4, dtype=torch.float64, generator=generator)
    stack = torch.randn(3, 5, 4, dtype=torch.float64, generator=generator)
    found = grouped_linear(rows, stack, [4, 0, 3])
    torch.testing.assert_close(found[:4], rows[:4] @ stack[0].T)
    torch.testing.assert_close(found[4:7], rows[4:7] @ stack[2].T)
    assert not found[7:].any()
