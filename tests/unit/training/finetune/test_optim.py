"""Optimisers of fine-tuning: Adafactor moves by the rate itself, and its state is there before a step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cistron.errors import UnknownNameError
from cistron.training.checkpoint import tensors_of
from cistron.training.finetune import FinetuneOptim, HeadTraining
from cistron.training.finetune.modes import Trained
from cistron.training.finetune.optim import optimizer_of


def made(name: str) -> tuple[Trained, torch.optim.Optimizer]:
    torch.manual_seed(0)
    run = HeadTraining(optim=FinetuneOptim(name=name, weight_decay=0.0))
    trained = Trained(run, nn.Linear(2, 2), nn.Linear(6, 4))
    return trained, optimizer_of(trained, run)


def stepped(trained: Trained, optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    for parameter in trained.head.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()


def test_adafactor_moves_weights_by_the_rate_whatever_their_size():
    moves = []
    for scale in (1e-3, 1.0):
        trained, optimizer = made("adafactor")
        weight = trained.head.weight
        with torch.no_grad():
            weight.copy_(torch.full_like(weight, 0.5 * scale))
        torch.manual_seed(1)
        stepped(trained, optimizer, 1e-2)
        moves.append((weight - 0.5 * scale).detach())
    assert torch.allclose(*moves, rtol=1e-4, atol=1e-6)
    assert moves[0].square().mean().sqrt().item() == pytest.approx(1e-2, rel=0.2)


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_a_state_that_was_saved_goes_on_as_it_would_have(name):
    trained, optimizer = made(name)
    torch.manual_seed(1)
    stepped(trained, optimizer, 1e-2)
    saved = {key: tensor.clone() for key, tensor in tensors_of(trained, optimizer).items()}
    other, fresh = made(name)
    mine = tensors_of(other, fresh)
    assert mine.keys() == saved.keys()
    with torch.no_grad():
        for key, tensor in mine.items():
            assert tensor.shape == saved[key].shape
            tensor.copy_(saved[key])
    for pair in ((trained, optimizer), (other, fresh)):
        torch.manual_seed(2)
        stepped(*pair, 1e-2)
    assert torch.equal(trained.head.weight, other.head.weight)


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(UnknownNameError, match="no optimiser is called 'sgd'"):
        made("sgd")
