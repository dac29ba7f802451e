"""A whole run on a few thousand bases: the same to the last bit after a stop, and it learns."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from cistron.data.corpus import Source
from cistron.errors import InputError, ResumeError
from cistron.training.pretrain import OptimSettings, Stage
from cistron.weights.folder import load_folder


class Stopped(Exception):
    pass


def quiet(done, total, note):
    pass


def stop_after(steps):
    def progress(done, total, note):
        if done == steps:
            raise Stopped

    return progress


def log_of(folder):
    return [json.loads(row) for row in (folder / "log.jsonl").read_text().splitlines()]


def without_time(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def finished(make_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "whole"
    make_run().execute(folder, resume=False, progress=quiet)
    return folder


def test_the_same_run_twice_gives_the_same_weights(make_run, finished, tmp_path):
    make_run().execute(tmp_path / "again", resume=False, progress=quiet)
    first, second = (load_file(f / "checkpoint/model.safetensors") for f in (finished, tmp_path / "again"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    make_run(seed=4).execute(tmp_path / "other", resume=False, progress=quiet)
    other = load_file(tmp_path / "other/checkpoint/model.safetensors")
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("stop", [2, 3, 5, 6])
def test_a_stopped_run_resumes_to_exactly_the_uninterrupted_one(make_run, finished, tmp_path, stop):
    with pytest.raises(Stopped):
        make_run().execute(tmp_path / "run", resume=False, progress=stop_after(stop))
    make_run().execute(tmp_path / "run", resume=True, progress=quiet)
    for file in ("model.safetensors", "optimizer.safetensors"):
        expected, found = (load_file(f / "checkpoint" / file) for f in (finished, tmp_path / "run"))
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected)
    model = "model/model.safetensors"
    assert (finished / model).read_bytes() == (tmp_path / "run" / model).read_bytes()
    assert without_time(log_of(tmp_path / "run")) == without_time(log_of(finished))


def test_resuming_a_finished_run_gives_its_model_again(make_run, finished, tmp_path):
    make_run().execute(tmp_path / "run", resume=False, progress=quiet)
    before = (tmp_path / "run/model/model.safetensors").read_bytes()
    make_run().execute(tmp_path / "run", resume=True, progress=quiet)
    assert (tmp_path / "run/model/model.safetensors").read_bytes() == before


def test_a_run_leaves_its_settings_a_log_and_a_model_folder(make_run, finished):
    assert json.loads((finished / "run.json").read_text())["seed"] == 3
    log = log_of(finished)
    assert [row["step"] for row in log if "nats_per_base" in row] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in log if "validation_nats_per_base" in row] == [3, 6]
    last = log[-2]
    assert last["tokens"] == 4 * 32 * 4 + 2 * 64 * 2
    assert [row["lr"] for row in log if "lr" in row][:3] == pytest.approx([1.5e-3, 3e-3, 3e-3])
    assert last["lr"] < 6e-4
    assert 0.9 < last["balance"] < 3
    assert all(math.isfinite(value) for row in log for value in row.values())
    built = load_folder(finished / "model")
    assert built.card["tokens_seen"] == last["tokens"]
    assert built.card["data_bases"] == 1500 + 31 * 180
    assert {p.dtype for p in built.model.parameters()} == {torch.bfloat16}


def test_changed_settings_are_not_resumed(make_run, finished):
    with pytest.raises(
        ResumeError, match=r"run\.json describes another run; give the same recipe and settings"
    ):
        make_run(seed=4).execute(finished, resume=True, progress=quiet)


def test_a_folder_that_holds_a_run_is_not_started_over(make_run, finished):
    before = (finished / "log.jsonl").read_bytes()
    with pytest.raises(ResumeError, match="already holds a run; add --resume to continue it"):
        make_run().execute(finished, resume=False, progress=quiet)
    assert (finished / "log.jsonl").read_bytes() == before


def test_a_folder_that_holds_a_model_is_refused_before_training(make_run, tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(ResumeError, match="already holds a run"):
        make_run().execute(tmp_path, resume=False, progress=lambda *_: pytest.fail("it trained"))


def test_a_folder_without_a_run_is_not_resumed(make_run, tmp_path):
    with pytest.raises(ResumeError, match="is not a run folder"):
        make_run().execute(tmp_path / "nothing", resume=True, progress=quiet)
    assert not (tmp_path / "nothing").exists()


def test_a_held_out_chromosome_among_the_sources_is_refused(make_run, genomes, tmp_path):
    run = make_run()
    leaking = replace(run.data, sources=(*run.data.sources, Source(str(genomes / "leak.fa"))))
    with pytest.raises(InputError, match="holds contig chr20, which is held out"):
        replace(run, data=leaking).execute(tmp_path / "run", resume=False, progress=quiet)


@pytest.mark.parametrize("bases", [31, 931])
def test_a_validation_stretch_that_does_not_fit_is_refused(make_run, tmp_path, bases):
    run = make_run()
    with pytest.raises(InputError, match=f"validation_bases is {bases}; it must be between a window of 32"):
        replace(run, data=replace(run.data, validation_bases=bases)).execute(
            tmp_path / "run", resume=False, progress=quiet
        )


@pytest.mark.parametrize("autocast", [False, True])
def test_thirty_steps_learn_a_planted_repeat(make_run, tmp_path, autocast):
    run = make_run(
        stages=(Stage(length=64, batch=8, steps=30),),
        optim=OptimSettings(lr=2e-2, warmup=3),
        autocast=autocast,
        validate_every=30,
        checkpoint_every=30,
    )
    run.execute(tmp_path / "run", resume=False, progress=quiet)
    log = log_of(tmp_path / "run")
    assert log[0]["nats_per_base"] == pytest.approx(math.log(16), abs=0.3)
    # The repeat is 31 bases long; what knows no context is left at about ln 4 = 1.39.
    assert log[-1]["validation_nats_per_base"] < 1.2
