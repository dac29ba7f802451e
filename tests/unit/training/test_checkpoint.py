from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch

from cistron.errors import OutputError, ResumeError
from cistron.training.checkpoint import Checkpoints, best, complete, newest, tensors_of, weights_of


def trained(steps: int, seed: int = 0):
    """A small network after some steps of AdamW, and its optimiser."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    weights = [p for p in model.parameters() if p.dim() > 1]
    biases = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.1, fused=True)
    for step in range(steps):
        advance(model, optimizer, step)
    return model, optimizer


def advance(model, optimizer, step):
    model(torch.randn(5, 3, generator=torch.Generator().manual_seed(step))).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def values(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def save(run, *steps, keep=2, validation=()):
    """Save a network after each of these numbers of steps."""
    checkpoints = Checkpoints(run, keep=keep)
    for step, score in zip(steps, [*validation, *[None] * len(steps)], strict=False):
        checkpoints.save(step, tensors_of(*trained(step)), {"validation": score})
    checkpoints.wait()
    return checkpoints


def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    save(tmp_path, 4)
    model, optimizer = trained(0, seed=9)
    assert Checkpoints(tmp_path, keep=1).restore(tensors_of(model, optimizer))["step"] == 4
    advance(model, optimizer, 4)
    assert torch.equal(values(model), values(trained(5)[0]))


def test_steps_made_while_a_checkpoint_is_written_are_not_in_it(tmp_path):
    model, optimizer = trained(3)
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(3, tensors_of(model, optimizer), {})
    for step in range(3, 9):
        advance(model, optimizer, step)
    checkpoints.wait()
    weights, _ = weights_of(newest(tmp_path))
    expected = trained(3)[0].state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_the_newest_and_the_best_are_kept(tmp_path):
    save(tmp_path, 1, 2, 3, 4, 5, validation=(1.3, 1.1, 1.2, None, 1.4))
    assert [path.name[-1] for path in complete(tmp_path)] == ["2", "4", "5"]
    assert best(tmp_path).name.endswith("2")
    assert newest(tmp_path).name.endswith("5")
    assert sorted((tmp_path / "checkpoints").iterdir()) == complete(tmp_path)


def test_a_checkpoint_is_safetensors_and_json_and_nothing_else(tmp_path):
    save(tmp_path, 1)
    files = {path.name for path in newest(tmp_path).iterdir()}
    assert files == {"index.json", "rank-00000.safetensors"}


DAMAGE = {
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "one byte flipped": lambda file: file.write_bytes(file.read_bytes()[:-1] + b"\xff"),
    "gone": lambda file: file.unlink(),
}
TOLD = {"cut short": "of 1,", "one byte flipped": "not hold what was written", "gone": "is missing"}


@pytest.mark.parametrize("harm", DAMAGE)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(tmp_path, caplog, harm):
    save(tmp_path, 1, 2)
    DAMAGE[harm](newest(tmp_path) / "rank-00000.safetensors")
    model, optimizer = trained(0)
    assert Checkpoints(tmp_path, keep=2).restore(tensors_of(model, optimizer))["step"] == 1
    assert torch.equal(values(model), values(trained(1)[0]))
    assert "step-000000002 is damaged" in caplog.text
    assert TOLD[harm] in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_index_is_a_damaged_checkpoint(tmp_path, text):
    save(tmp_path, 1, 2)
    (newest(tmp_path) / "index.json").write_text(text)
    assert newest(tmp_path).name.endswith("1")


def test_a_damaged_checkpoint_is_replaced_when_its_step_comes_again(tmp_path):
    save(tmp_path, 1, 2)
    DAMAGE["cut short"](newest(tmp_path) / "rank-00000.safetensors")
    save(tmp_path, 2)
    assert newest(tmp_path).name.endswith("2")
    assert not list((tmp_path / "checkpoints").glob("*.tmp"))


def test_what_a_kill_left_half_written_is_never_used(tmp_path):
    save(tmp_path, 1)
    half = tmp_path / "checkpoints/step-000000002.tmp"
    shutil.copytree(newest(tmp_path), half)
    assert newest(tmp_path).name.endswith("1")
    (half / "index.json").unlink()
    half.rename(half.with_suffix(""))
    assert newest(tmp_path).name.endswith("1")
    save(tmp_path, 2)
    assert newest(tmp_path).name.endswith("2")


def test_another_model_is_refused(tmp_path):
    save(tmp_path, 1)
    wide = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))
    with pytest.raises(ResumeError, match=r"holds model\.0\.weight in the shape \[4, 3\]; the model asks"):
        Checkpoints(tmp_path, keep=1).restore(tensors_of(wide))
    deep = torch.nn.Sequential(*trained(0)[0], torch.nn.Linear(1, 1))
    with pytest.raises(ResumeError, match=r"lacks the tensor model\.3\.weight"):
        Checkpoints(tmp_path, keep=1).restore(tensors_of(deep))


def test_a_checkpoint_of_another_format_is_named(tmp_path):
    save(tmp_path, 1)
    index = newest(tmp_path) / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"format": 2}))
    with pytest.raises(ResumeError, match="has checkpoint format 2; this version reads 1"):
        weights_of(complete(tmp_path)[-1])


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoints/step-000000001.tmp").mkdir(parents=True)
    with pytest.raises(ResumeError, match="has no whole checkpoint to resume from"):
        newest(tmp_path)


FULL_DISK = """
import resource, sys, torch
from pathlib import Path
from cistron.errors import OutputError
from cistron.training.checkpoint import Checkpoints
checkpoints = Checkpoints(Path(sys.argv[1]), keep=2)
checkpoints.save(1, {"model.x": torch.arange(10.0)}, {})
checkpoints.wait()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    checkpoints.save(2, {"model.x": torch.zeros(100_000)}, {})
    checkpoints.wait()
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_named_and_leaves_the_checkpoint_before_usable(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "step-000000002: the disk is full; free some space or write elsewhere; the checkpoints before" in (
        ran.stdout
    )
    assert ran.stderr == ""
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000000001"]
    assert torch.equal(weights_of(newest(tmp_path))[0]["x"], torch.arange(10.0))


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*step-000000001"):
        save(tmp_path, 1)
