"""A whole run on a few thousand bases: the same to the last bit after a stop, and it learns."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from cistron.data.build import Source
from cistron.data.sampling import WindowLength
from cistron.errors import InputError, ResumeError, UnknownNameError
from cistron.models import MODELS
from cistron.training import Stopped
from cistron.training.checkpoint import complete, newest, weights_of
from cistron.training.export import export_run
from cistron.training.guards import DivergenceError, Guard, GuardSettings
from cistron.training.pretrain import DataSettings, OptimSettings, Stage
from cistron.weights.folder import load_folder


class Crash(Exception):
    pass


def quiet(done, total, note):
    pass


def after(step, act):
    """A progress function that acts when a step of the training is done."""

    def progress(done, total, note):
        if done == step and total == 6:
            act()

    return progress


def crash():
    raise Crash


def weights(folder):
    return weights_of(newest(folder))[0]


def tensors(folder):
    return load_file(newest(folder) / "rank-00000.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def finished(make_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "whole"
    make_run().execute(folder, resume=False, progress=quiet)
    return folder


def test_the_same_run_twice_gives_the_same_weights_and_another_seed_gives_others(
    make_run, finished, tmp_path
):
    make_run().execute(tmp_path / "again", resume=False, progress=quiet)
    assert same(tensors(finished), tensors(tmp_path / "again"))
    make_run(seed=4).execute(tmp_path / "other", resume=False, progress=quiet)
    assert not same(tensors(finished), tensors(tmp_path / "other"))


@pytest.mark.parametrize("stop", [2, 3, 5, 6])
def test_a_crashed_run_resumes_to_exactly_the_uninterrupted_one(make_run, finished, tmp_path, log_of, stop):
    with pytest.raises(Crash):
        make_run().execute(tmp_path / "run", resume=False, progress=after(stop, crash))
    make_run().execute(tmp_path / "run", resume=True, progress=quiet)
    assert same(tensors(finished), tensors(tmp_path / "run"))
    model = "model/model.safetensors"
    assert (finished / model).read_bytes() == (tmp_path / "run" / model).read_bytes()
    assert log_of(tmp_path / "run") == log_of(finished)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_behind_a_saved_step_and_nothing_is_lost(
    make_run, finished, tmp_path, log_of, asked
):
    run, before = make_run(checkpoint_every=100, log_every=4), signal.getsignal(asked)
    with pytest.raises(
        Stopped, match=r"stopped after step 4, which is saved; continue with --resume"
    ) as told:
        run.execute(tmp_path / "run", resume=False, progress=after(3, lambda: os.kill(os.getpid(), asked)))
    assert told.value.signal == asked
    assert [path.name for path in complete(tmp_path / "run")] == ["step-000000004"]
    assert signal.getsignal(asked) is before
    run.execute(tmp_path / "run", resume=True, progress=quiet)
    assert same(tensors(finished), tensors(tmp_path / "run"))
    whole = [row for row in log_of(finished) if row["step"] in (4, 6) and "lr" in row]
    found = [row for row in log_of(tmp_path / "run") if "lr" in row]
    for expected, row in zip(whole, found, strict=True):
        assert row["nats_per_base"] == expected["nats_per_base"]


def test_tokens_of_experts_are_counted_over_a_whole_log_interval_even_across_a_stop(
    make_run, finished, tmp_path, log_of
):
    run = make_run(log_every=6)
    with pytest.raises(Stopped):
        run.execute(
            tmp_path / "run",
            resume=False,
            progress=after(2, lambda: os.kill(os.getpid(), signal.SIGTERM)),
        )
    run.execute(tmp_path / "run", resume=True, progress=quiet)
    each = torch.tensor([row["expert_tokens"] for row in log_of(finished) if "lr" in row])
    (row,) = [row for row in log_of(tmp_path / "run") if "lr" in row]
    assert row["expert_tokens"] == each.sum(dim=0).tolist()
    assert sum(row["expert_tokens"][0]) == 2 * row["tokens"]  # two experts a token


def test_a_damaged_newest_checkpoint_costs_an_interval_and_changes_nothing(
    make_run, finished, tmp_path, log_of, caplog
):
    with pytest.raises(Crash):
        make_run().execute(tmp_path / "run", resume=False, progress=after(5, crash))
    file = newest(tmp_path / "run") / "rank-00000.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    make_run().execute(tmp_path / "run", resume=True, progress=quiet)
    assert "step-000000004 is damaged" in caplog.text
    assert same(tensors(finished), tensors(tmp_path / "run"))
    assert log_of(tmp_path / "run") == log_of(finished)


def test_resuming_a_finished_run_gives_its_model_again(make_run, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    before = (tmp_path / "run/model/model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run/model")
    make_run().execute(tmp_path / "run", resume=True, progress=quiet)
    assert (tmp_path / "run/model/model.safetensors").read_bytes() == before


def test_a_run_leaves_its_settings_a_log_and_a_model_folder(finished, log_of):
    assert json.loads((finished / "run.json").read_text())["seed"] == 3
    log = log_of(finished)
    steps = [row for row in log if "nats_per_base" in row]
    assert [row["step"] for row in steps] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in log if "validation_nats_per_base" in row] == [3, 6]
    last = steps[-1]
    assert last["tokens"] == 6 * 128
    assert [row["lr"] for row in steps][:3] == pytest.approx([1.5e-3, 3e-3, 3e-3])
    assert last["lr"] == pytest.approx(3e-3 * 0.05)
    assert 0.9 < last["balance"] < 3
    assert all(math.isfinite(value) for row in log for value in row.values() if isinstance(value, float))
    built = load_folder(finished / "model")
    assert built.card["tokens_seen"] == last["tokens"]
    assert built.card["data_bases"] == 1500 + 31 * 180
    assert built.card["validation_nats_per_base"] == log[-1]["validation_nats_per_base"]
    assert {p.dtype for p in built.model.parameters()} == {torch.bfloat16}


def test_a_stage_sets_the_base_of_rotary_positions_for_its_steps_and_the_model_folder(
    make_run, finished, tmp_path, log_of
):
    assert load_folder(finished / "model").config.rope_theta == 1e6
    first, second = make_run().stages
    plain = make_run(stages=(first, replace(second, rope_theta=None)))
    plain.execute(tmp_path / "run", resume=False, progress=quiet)
    assert load_folder(tmp_path / "run/model").config.rope_theta == 5e7
    theirs, ours = (
        [row["nats_per_base"] for row in log_of(f) if "lr" in row] for f in (tmp_path / "run", finished)
    )
    assert theirs[:4] == ours[:4]
    assert theirs[4] != ours[4]


def test_a_resumed_run_keeps_the_base_that_an_earlier_stage_set(make_run, tmp_path, log_of):
    stages = tuple(
        replace(stage, rope_theta=theta) for stage, theta in zip(make_run().stages, (1e3, None), strict=True)
    )
    run = make_run(stages=stages, checkpoint_every=5)
    run.execute(tmp_path / "whole", resume=False, progress=quiet)
    with pytest.raises(Stopped):
        run.execute(
            tmp_path / "run", resume=False, progress=after(4, lambda: os.kill(os.getpid(), signal.SIGTERM))
        )
    run.execute(tmp_path / "run", resume=True, progress=quiet)
    assert log_of(tmp_path / "run") == log_of(tmp_path / "whole")
    assert load_folder(tmp_path / "run/model").config.rope_theta == 1e3


def test_a_step_in_parts_is_the_step_at_once(make_run, finished, tmp_path, log_of):
    run = make_run(micro_tokens=32, optim=replace(make_run().optim, balance_weight=0.0), dtype="float64")
    whole = replace(run, micro_tokens=None)
    for name, each in {"parts": run, "whole": whole}.items():
        each.execute(tmp_path / name, resume=False, progress=quiet)
    for part, all_at_once in zip(log_of(tmp_path / "parts"), log_of(tmp_path / "whole"), strict=True):
        for name in ("nats_per_base", "z", "gradient_norm", "validation_nats_per_base"):
            assert part.get(name, 0.0) == pytest.approx(all_at_once.get(name, 0.0), rel=1e-12)
        assert part.get("expert_tokens") == all_at_once.get("expert_tokens")


def test_recomputed_activations_change_nothing(make_run, finished, tmp_path, log_of):
    make_run(activation_checkpointing=True).execute(tmp_path / "run", resume=False, progress=quiet)
    assert log_of(tmp_path / "run") == log_of(finished)


def test_packed_documents_are_told_apart_unless_asked_not_to(make_run, tmp_path, log_of):
    packed = replace(make_run().data, pack_documents=True, validation_length=32)
    losses = {}
    for reset in (True, False):
        run = make_run(
            data=replace(packed, reset_documents=reset), stages=(Stage((WindowLength(2048),), 4096, 2),)
        )
        run.execute(tmp_path / str(reset), resume=False, progress=quiet)
        losses[reset] = [row["nats_per_base"] for row in log_of(tmp_path / str(reset)) if "lr" in row]
    assert losses[True] != losses[False]
    assert losses[True] == pytest.approx(losses[False], abs=0.2)


def test_changed_settings_are_named_and_not_resumed(make_run, finished):
    changed = make_run(seed=4, optim=OptimSettings(lr=1e-3, warmup=2))
    with pytest.raises(ResumeError) as told:
        changed.execute(finished, resume=True, progress=quiet)
    assert "describes another run (optim.lr: 0.003 → 0.001; seed: 3 → 4)" in str(told.value)


def test_settings_that_change_no_number_may_change(make_run, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    make_run(keep=5).execute(tmp_path / "run", resume=True, progress=quiet)
    assert json.loads((tmp_path / "run/run.json").read_text())["keep"] == 5


def test_a_folder_that_holds_a_run_is_not_started_over(make_run, finished):
    before = (finished / "log.jsonl").read_bytes()
    with pytest.raises(ResumeError, match="already holds a run; add --resume to continue it"):
        make_run().execute(finished, resume=False, progress=quiet)
    assert (finished / "log.jsonl").read_bytes() == before


def test_a_folder_in_which_a_run_is_under_way_is_refused(make_run, tmp_path):
    met = []

    def second():
        for resume in (False, True):
            with pytest.raises(ResumeError) as told:
                make_run().execute(tmp_path / "run", resume=resume, progress=quiet)
            met.append(str(told.value))

    make_run().execute(tmp_path / "run", resume=False, progress=after(3, second))
    assert "already holds a run" in met[0]
    assert "is in use: another process trains here" in met[1]


def test_a_run_that_never_made_a_step_may_be_started_over(make_run, tmp_path):
    short = replace(make_run().data, validation_bases=31)
    with pytest.raises(InputError):
        make_run(data=short).execute(tmp_path / "run", resume=False, progress=quiet)
    make_run().execute(tmp_path / "run", resume=False, progress=quiet)


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
    with pytest.raises(InputError, match="held out"):
        replace(run, data=leaking).execute(tmp_path / "run", resume=False, progress=quiet)


@pytest.mark.parametrize("bases", [31, 931])
def test_a_validation_stretch_that_does_not_fit_is_refused(make_run, tmp_path, bases):
    run = make_run()
    with pytest.raises(InputError, match=f"validation_bases is {bases}; it must be between a window of 32"):
        replace(run, data=replace(run.data, validation_bases=bases)).execute(
            tmp_path / "run", resume=False, progress=quiet
        )


WINDOWS = (WindowLength(32),)
BAD = {
    "stages": ({"stages": ()}, "a run needs at least one stage"),
    "lengths": ({"stages": (Stage((), 128, 1),)}, r"stages\.0\.lengths is empty"),
    "neither": ({"stages": (Stage(WINDOWS, 128),)}, r"stages\.0 needs either steps or total_tokens"),
    "both": ({"stages": (Stage(WINDOWS, 128, 1, 128),)}, r"stages\.0 needs either steps or total_tokens"),
    "zero": ({"stages": (Stage(WINDOWS, 128, 0),)}, "lengths, tokens and steps must be at least 1"),
    "rates": (
        {"optim": OptimSettings(lr=(1e-3, 1e-4, 1e-5))},
        r"optim\.lr has 3 values for 2 stages; give one for all, or one for each",
    ),
    "betas": ({"optim": OptimSettings(betas=(0.9,))}, r"optim\.betas has 1 values"),
    "data": ({"data": DataSettings()}, "nothing to train on"),
    "gather": ({"gather": "int8"}, "gather is 'int8'; it can be same or bfloat16"),
    "dtype": ({"dtype": "float64", "autocast": True}, "contradict each other"),
    "interval": ({"log_every": 0}, "log_every is 0; it must be at least 1"),
    "context": (
        {"stages": (Stage((WindowLength(8192),), 8192, 1),)},
        "does not fit the model's context of 4,096",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_settings_that_do_not_fit_one_another_are_refused_before_a_step(make_run, tmp_path, case):
    changes, told = BAD[case]
    with pytest.raises(InputError, match=told):
        make_run(**changes).execute(
            tmp_path / "run", resume=False, progress=lambda *_: pytest.fail("it trained")
        )


def test_an_unknown_schedule_is_refused_with_a_suggestion(make_run, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean cosine"):
        make_run(optim=OptimSettings(schedule="cosin")).execute(tmp_path, resume=False, progress=quiet)


def test_a_run_that_diverges_skips_then_stops_and_keeps_its_weights_finite(make_run, tmp_path, log_of):
    run = make_run(
        optim=OptimSettings(lr=(1e-3, 1e30), warmup=0, clip=1e30), guards=GuardSettings(patience=3)
    )
    run = replace(run, stages=(run.stages[0], replace(run.stages[1], total_tokens=None, steps=20)))
    with pytest.raises(DivergenceError, match=r"3 steps in a row had to be left out, .* lower optim\.lr"):
        run.execute(tmp_path / "run", resume=False, progress=quiet)
    skipped = [row for row in log_of(tmp_path / "run") if "skipped" in row]
    assert [row["skipped_in_all"] for row in skipped] == [1, 2]
    assert skipped[0]["skipped"].startswith(("a loss of ", "a gradient norm of "))
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "run").values())


def test_one_bad_step_is_left_out_and_logged_and_the_weights_stay_as_they_were(
    make_run, tmp_path, log_of, monkeypatch
):
    real = Guard.objection

    def objection(self, loss, norm):
        return "it is a bad step" if real(self, loss, norm) or self.state()["recent"][2:] == [loss] else None

    monkeypatch.setattr(Guard, "objection", objection)
    make_run(checkpoint_every=1, keep=9).execute(tmp_path / "run", resume=False, progress=quiet)
    (row,) = [row for row in log_of(tmp_path / "run") if "skipped" in row]
    assert (row["step"], row["skipped"]) == (3, "it is a bad step")
    second, third, fourth = (weights_of(path)[0] for path in complete(tmp_path / "run")[1:4])
    assert same(second, third)
    assert not same(third, fourth)


def test_experts_that_get_hardly_a_token_are_named_in_the_log_and_beside_the_bar(make_run, tmp_path, log_of):
    told = []
    run = make_run(guards=GuardSettings(dead_share=0.999))
    run.execute(tmp_path / "run", resume=False, progress=lambda *news: told.append(news[2]))
    row = next(row for row in log_of(tmp_path / "run") if "lr" in row)
    even = sum(row["expert_tokens"][0]) / 4
    expected = [
        [layer, expert]
        for layer, counts in enumerate(row["expert_tokens"])
        for expert, count in enumerate(counts)
        if count < 0.999 * even
    ]
    assert row["dead_experts"] == expected
    assert "dead experts" in told[-1]


def test_a_base_of_rotary_positions_is_refused_at_once_where_there_are_none(make_run, tmp_path):
    tiny = MODELS.get("ngram").sizes["ngram-tiny"].to_dict()
    with pytest.raises(InputError, match="the architecture has no rotary positions"):
        make_run(architecture="ngram", model=tiny).execute(
            tmp_path / "run", resume=False, progress=lambda *_: pytest.fail("it trained")
        )


def test_what_a_model_counts_before_the_first_step_is_saved_resumed_and_exported(make_run, tmp_path, log_of):
    tiny = MODELS.get("ngram").sizes["ngram-tiny"].to_dict()
    stages = tuple(replace(stage, rope_theta=None) for stage in make_run().stages)
    run = make_run(architecture="ngram", model=tiny, stages=stages)
    run.execute(tmp_path / "whole", resume=False, progress=quiet)
    first = log_of(tmp_path / "whole")[0]["nats_per_base"]
    assert first < 1.1  # it knows the repeat before it has learned anything
    with pytest.raises(Crash):
        run.execute(tmp_path / "run", resume=False, progress=after(3, crash))
    run.execute(tmp_path / "run", resume=True, progress=quiet)
    assert log_of(tmp_path / "run") == log_of(tmp_path / "whole")
    assert load_folder(tmp_path / "run/model").sha256 == load_folder(tmp_path / "whole/model").sha256


def test_a_run_without_validation_has_none(make_run, tmp_path, log_of):
    run = make_run(data=replace(make_run().data, validation=None))
    run.execute(tmp_path / "run", resume=False, progress=quiet)
    assert not any("validation_nats_per_base" in row for row in log_of(tmp_path / "run"))
    assert "validation_nats_per_base" not in load_folder(tmp_path / "run/model").card


def test_any_checkpoint_can_be_exported_and_the_best_is_the_best_validated(make_run, finished, tmp_path):
    assert export_run(finished, tmp_path / "newest") == 6
    assert export_run(finished, tmp_path / "best", which="best", dtype=None) == 6
    assert {p.dtype for p in load_folder(tmp_path / "best").model.parameters()} == {torch.float32}
    assert export_run(finished, tmp_path / "four", which="4") == 4
    assert load_folder(tmp_path / "four").card["tokens_seen"] == 4 * 128
    assert load_folder(tmp_path / "four").config.rope_theta == 5e7
    with pytest.raises(ResumeError, match="has no checkpoint '3'; it has newest, best, or steps: 4, 6"):
        export_run(finished, tmp_path / "three", which="3")


@pytest.mark.parametrize("autocast", [False, True])
def test_fifty_steps_learn_a_planted_repeat(make_run, tmp_path, log_of, autocast):
    run = make_run(
        stages=(Stage((WindowLength(64),), tokens=512, steps=50),),
        optim=OptimSettings(lr=2e-2, warmup=3),
        autocast=autocast,
        validate_every=50,
        checkpoint_every=50,
    )
    run.execute(tmp_path / "run", resume=False, progress=quiet)
    log = log_of(tmp_path / "run")
    assert log[0]["nats_per_base"] == pytest.approx(math.log(16), abs=0.3)
    # The repeat is 31 bases long; what knows no context is left at about ln 4 = 1.39.
    assert log[-1]["validation_nats_per_base"] < 1.2
