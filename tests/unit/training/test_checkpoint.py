from __future__ import annotations

import contextlib
import os
import shutil

import pytest
import torch

from cistron.errors import ResumeError
from cistron.training.checkpoint import load_checkpoint, save_checkpoint


def trained(steps: int, seed: int = 0):
    """A small network after some steps of AdamW, and its optimiser."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    weights = [p for p in model.parameters() if p.dim() > 1]
    biases = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": weights}, {"params": biases, "weight_decay": 0.0}], lr=0.1)
    for step in range(steps):
        advance(model, optimizer, step)
    return model, optimizer


def advance(model, optimizer, step):
    model(torch.randn(5, 3, generator=torch.Generator().manual_seed(step))).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def values(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    save_checkpoint(tmp_path, 4, *trained(4))
    model, optimizer = trained(0, seed=9)
    assert load_checkpoint(tmp_path, model, optimizer) == 4
    advance(model, optimizer, 4)
    assert torch.equal(values(model), values(trained(5)[0]))


def test_only_the_newest_checkpoint_is_kept(tmp_path):
    for steps in (1, 2, 3):
        save_checkpoint(tmp_path, steps, *trained(steps))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert load_checkpoint(tmp_path, *trained(0)) == 3


class Crash(BaseException):
    """Stands for the machine going down."""


@pytest.fixture
def crash_at(monkeypatch):
    """Makes the n-th rename or removal from now on, and all that would follow, not happen."""

    def arm(number: int) -> None:
        left = [number]

        def guarded(real):
            def call(*args, **options):
                left[0] -= 1
                if left[0] < 0:
                    raise Crash
                return real(*args, **options)

            return call

        monkeypatch.setattr(os, "rename", guarded(os.rename))
        monkeypatch.setattr(shutil, "rmtree", guarded(shutil.rmtree))

    return arm


@pytest.mark.parametrize("second", range(6))
@pytest.mark.parametrize("first", range(6))
def test_a_crash_at_any_moment_even_twice_leaves_a_whole_checkpoint(
    tmp_path, crash_at, monkeypatch, first, second
):
    save_checkpoint(tmp_path, 1, *trained(1))
    for steps, moment in ((2, first), (3, second)):
        crash_at(moment)
        with contextlib.suppress(Crash):
            save_checkpoint(tmp_path, steps, *trained(steps))
        monkeypatch.undo()
        model, optimizer = trained(0)
        found = load_checkpoint(tmp_path, model, optimizer)
        assert found in range(1, steps + 1)
        assert torch.equal(values(model), values(trained(found)[0]))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoint.tmp").mkdir()
    with pytest.raises(ResumeError, match="has no checkpoint to resume from; start without --resume"):
        load_checkpoint(tmp_path, *trained(0))
