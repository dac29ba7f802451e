from __future__ import annotations

import math

import pytest
import torch

from cistron.training.guards import DivergenceError, Guard, GuardSettings, dead_experts


def settled(**settings):
    """A guard that has seen forty losses between 1.2 and 1.3."""
    guard = Guard(GuardSettings(**settings))
    for step in range(40):
        assert guard.objection(1.25 + 0.05 * math.sin(step), 1.0) is None
    return guard


@pytest.mark.parametrize(
    ("loss", "norm", "told"),
    [
        (math.nan, 1.0, "a loss of nan"),
        (math.inf, 1.0, "a loss of inf"),
        (1.2, math.nan, "a gradient norm of nan"),
        (1.2, math.inf, "a gradient norm of inf"),
        (2.5, 1.0, "a loss of 2.500, above 1."),
    ],
)
def test_what_would_do_harm_is_objected_to_and_counted(loss, norm, told):
    guard = settled()
    assert guard.objection(loss, norm).startswith(told)
    assert guard.skipped == 1
    assert guard.objection(1.3, 1.0) is None


def test_falling_losses_high_norms_and_small_rises_are_no_reason():
    guard = settled()
    for loss, norm in ((0.4, 1.0), (1.2, 1e6), (1.45, 1.0)):
        assert guard.objection(loss, norm) is None


def test_at_the_start_and_behind_a_new_stage_no_finite_loss_is_a_spike():
    guard = Guard(GuardSettings())
    assert [guard.objection(loss, 1.0) for loss in (2.8, 9.0, 1.0)] == [None] * 3
    guard = settled()
    guard.new_stage()
    assert guard.objection(9.0, 1.0) is None


def test_a_spike_does_not_raise_the_limit_for_the_next():
    guard = settled(patience=100)
    assert all(guard.objection(2.5, 1.0) for _ in range(30))


def test_patience_ends_with_an_error_that_says_what_to_do():
    guard = settled(patience=3)
    guard.objection(math.nan, 1.0)
    guard.objection(1.2, 1.0)
    guard.objection(math.nan, 1.0)
    guard.objection(math.nan, 1.0)
    with pytest.raises(DivergenceError, match=r"3 steps in a row .* a loss of nan.*lower optim\.lr"):
        guard.objection(math.nan, 1.0)


def test_a_restored_guard_judges_as_the_one_that_was_saved():
    first = settled()
    first.objection(math.nan, 1.0)
    second = Guard(GuardSettings())
    second.restore(first.state())
    assert second.objection(2.5, 1.0) == first.objection(2.5, 1.0)
    assert second.state() == first.state()


def test_an_expert_far_below_its_even_share_is_dead():
    counts = torch.tensor([[100.0, 100, 198, 2], [100, 100, 100, 100]])
    assert dead_experts(counts, 0.02) == []
    assert dead_experts(counts, 0.03) == [(0, 3)]
