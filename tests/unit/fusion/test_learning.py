"""The claim behind everything: what only the DNA says is learnt, and is gone with the DNA."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cistron.errors import InputError, WeightsError
from cistron.fusion.judging import rightness
from cistron.fusion.language import MissingFusionError, require
from cistron.fusion.parts import read_parts
from cistron.fusion.rows import answered, likeliest, model_rows, spoken
from cistron.fusion.run import FusionRun
from cistron.fusion.saved import FusedModel, load_fused
from cistron.fusion.session import LEAKS, train
from cistron.training import Stopped


def silent(done: int, total: int, text: str) -> None:
    """Shows nothing."""


def test_a_planted_signal_is_learnt_and_gone_when_the_dna_is_shuffled_or_zeroed(
    trained: FusedModel, planted_run: FusionRun
) -> None:
    test = read_parts(planted_run.records, planted_run.dna.width, planted_run.seed)["test"]
    truths = [example.label for example in test]
    own, shuffled, zeroed = (rightness(row, truths).mean() for row in model_rows("fused", trained, test))
    assert own >= 0.9
    assert shuffled <= 0.45
    assert zeroed <= 0.45
    (answer,) = spoken(trained, test[:1], max_new_tokens=12)
    assert answer.label == test[0].label, answer.text
    ranked = likeliest(trained, test[0], top=2)
    assert ranked[0] == (test[0].label, pytest.approx(next(answered(trained, test[:1])).probability))


def test_dna_alone_learns_the_same_signal(planted_run: FusionRun, tmp_path: Path, states: Path) -> None:
    run = replace(planted_run, mode="dna", epochs=6)
    train(run, tmp_path / "run", resume=False, progress=silent, cache=states)
    model = load_fused(tmp_path / "run/model", device="cpu", cache=states)
    test = read_parts(run.records, run.dna.width, run.seed)["test"]
    truths = [example.label for example in test]
    own, shuffled, zeroed = (rightness(row, truths).mean() for row in model_rows("dna", model, test))
    assert own >= 0.9
    assert max(shuffled, zeroed) <= 0.45
    assert model.answerer.scores(test[:1], ["gout", "never heard of"])[0, 1] == -torch.inf
    with pytest.raises(InputError, match="does not speak"):
        next(spoken(model, test[:1]))


def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    few_run: FusionRun, tmp_path: Path, states: Path
) -> None:
    run = replace(few_run, batch=4, accumulate=2, language=replace(few_run.language, dropout=0.1))
    train(run, tmp_path / "whole", resume=False, progress=silent, cache=states)

    def stop(done: int, total: int, text: str) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped):
        # The signal is seen at the end of the next step.
        train(run, tmp_path / "cut", resume=False, progress=stop, cache=states)
    train(run, tmp_path / "cut", resume=True, progress=silent, cache=states)
    weights = [
        (tmp_path / name / "model" / part).read_bytes()
        for part in ("projector.safetensors", "adapter_model.safetensors")
        for name in ("whole", "cut")
    ]
    assert weights[0] == weights[1]
    assert weights[2] == weights[3]
    assert json.loads((tmp_path / "cut" / LEAKS).read_text())["shared"]


def test_a_folder_holds_no_base_weights_and_belongs_to_its_bases_alone(
    few_run: FusionRun, tmp_path: Path, states: Path, make_other: Path
) -> None:
    run = few_run
    train(run, tmp_path / "run", resume=False, progress=silent, cache=states)
    folder = tmp_path / "run/model"
    base = (Path(run.language.model) / "model.safetensors").stat().st_size
    assert sum(path.stat().st_size for path in folder.iterdir()) < base
    with pytest.raises(WeightsError, match="give the language model that it was trained with"):
        load_fused(folder, language=str(make_other), device="cpu")
    with pytest.raises(WeightsError, match="give the dna model that it was trained with"):
        load_fused(folder, dna="default", device="cpu")
    (folder / "projector.safetensors").write_bytes(b"cut")
    with pytest.raises(WeightsError, match="checksums"):
        load_fused(folder, device="cpu")


def test_there_must_be_something_to_train(few_run: FusionRun, tmp_path: Path) -> None:
    run = replace(few_run, mode="text", language=replace(few_run.language, rank=0))
    with pytest.raises(InputError, match="nothing to train"):
        train(run, tmp_path / "run", resume=False, progress=silent)


def test_a_missing_library_is_named_with_the_extra_it_comes_with() -> None:
    with pytest.raises(MissingFusionError, match=r"need no_such_library; .*cistron\[fusion\]"):
        require("torch", "no_such_library")


def test_accumulated_batches_are_one_step(few_run: FusionRun, tmp_path: Path, states: Path) -> None:
    found = []
    for batch, accumulate in ((12, 1), (4, 3)):
        run = replace(few_run, batch=batch, accumulate=accumulate)
        folder = tmp_path / f"{batch}"
        train(run, folder, resume=False, progress=silent, cache=states)
        model = load_fused(folder / "model", device="cpu", cache=states)
        found.append(model.facts["validation"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert torch.isfinite(torch.tensor(found)).all()
