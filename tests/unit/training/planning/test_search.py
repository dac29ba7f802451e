from __future__ import annotations

from dataclasses import replace

import pytest

from cistron.data.sampling import WindowLength
from cistron.errors import InputError, UnknownNameError
from cistron.models.genos import GenosConfig
from cistron.training.parallel import Layout
from cistron.training.planning import HEADROOM, count_parameters, device_named, make_plan
from cistron.training.planning.candidates import layouts
from cistron.training.planning.estimate import Estimator
from cistron.training.pretrain import DataSettings, Pretraining, Stage

MODEL = GenosConfig(
    vocab_size=16,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=4,
    head_dim=16,
    num_local_experts=4,
    max_position_embeddings=65_536,
)
GPU = device_named("h100")
MIB = 2**20


def a_run(*stages: Stage, model: GenosConfig = MODEL) -> Pretraining:
    standard = (Stage((WindowLength(1024),), tokens=16_384, steps=10),)
    return Pretraining(
        architecture="genos",
        model=model.to_dict(),
        data=DataSettings(corpora=("anywhere",)),
        stages=stages or standard,
        gather="bfloat16",
    )


def test_layouts_divide_heads_experts_and_windows() -> None:
    found = {(each.shard, each.tensor, each.expert, each.context) for each in layouts(a_run(), 8)}
    assert (8, 1, 4, 1) in found
    assert (2, 2, 2, 2) in found
    assert all(shard * tensor * context == 8 for shard, tensor, _, context in found)
    assert not any(tensor * context > 4 or expert > 4 for _, tensor, expert, context in found)


def test_the_layout_that_divides_least_is_suggested_where_it_fits() -> None:
    plan = make_plan(a_run(), 2, 2**30, GPU)
    assert plan.estimates[0].layout == Layout(shard=2)
    assert not plan.estimates[0].run.activation_checkpointing


def test_what_is_suggested_fits_and_is_a_setting_of_the_run() -> None:
    roomy = make_plan(a_run(), 2, 2**30, GPU).without.total
    plan = make_plan(a_run(), 2, roomy // 2, GPU)
    best = plan.estimates[0]
    assert best.memory.total <= (1 - HEADROOM) * (roomy // 2)
    assert best.run == replace(
        a_run(),
        layout=best.layout,
        micro_tokens=best.run.micro_tokens,
        activation_checkpointing=best.run.activation_checkpointing,
    )


def test_checkpointing_keeps_less_and_takes_longer() -> None:
    estimator = Estimator(a_run(), GPU)
    kept, again = (
        estimator.estimate(Layout(shard=2), 4, checkpointing=checkpointing) for checkpointing in (False, True)
    )
    assert again.memory.activations < kept.memory.activations / 4
    assert again.memory.states == kept.memory.states
    assert again.seconds > kept.seconds


def test_few_layers_tell_the_memory_of_many() -> None:
    estimator = Estimator(a_run(model=replace(MODEL, num_hidden_layers=7)), GPU)
    for checkpointing in (False, True):
        told, seen = (
            estimator.estimate(Layout(shard=2), 2, checkpointing=checkpointing, whole=whole)
            for whole in (False, True)
        )
        assert told.memory.total == pytest.approx(seen.memory.total, rel=0.01)


def test_the_longest_windows_decide_the_memory_and_each_stage_has_its_speed() -> None:
    short = Stage((WindowLength(512),), tokens=65_536, total_tokens=10**6)
    long = Stage((WindowLength(32_768),), tokens=65_536, total_tokens=10**6)
    both, alone = (Estimator(a_run(*stages), GPU) for stages in ((short, long), (long,)))
    found = both.estimate(Layout(shard=1), 1, checkpointing=False)
    assert found.memory == alone.estimate(Layout(shard=1), 1, checkpointing=False).memory
    assert found.stages[0].tokens_per_second > found.stages[1].tokens_per_second
    assert found.seconds == sum(stage.tokens / stage.tokens_per_second for stage in found.stages)


def test_too_little_memory_says_how_many_gpus_would_do_and_they_do() -> None:
    run = a_run(Stage((WindowLength(32_768),), tokens=131_072, steps=1))
    with pytest.raises(
        InputError, match=r"1 GPUs of .* too small.* (\d+) GPUs are the smallest number"
    ) as raised:
        make_plan(run, 1, 72 * MIB, GPU)
    enough = int(str(raised.value).split(" GPUs are")[0].rsplit(" ", 1)[1])
    assert make_plan(run, enough, 72 * MIB, GPU).estimates
    with pytest.raises(InputError):
        make_plan(run, enough // 2, 72 * MIB, GPU)


def test_windows_that_fit_nowhere_are_named() -> None:
    run = a_run(Stage((WindowLength(65_536),), tokens=65_536, steps=1))
    with pytest.raises(InputError, match=r"no number of them is enough.*65,536"):
        make_plan(run, 1, 4 * MIB, GPU)


def test_a_number_of_gpus_that_divides_nothing_is_refused_with_numbers_that_would_do() -> None:
    with pytest.raises(InputError, match=r"among 7 GPUs: a step has 16 windows; 4 or 8 would do"):
        make_plan(a_run(), 7, 2**30, GPU)


def test_an_unknown_gpu_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="H100"):
        device_named("H1000")


def test_only_the_chosen_experts_are_active() -> None:
    total, active = count_parameters(a_run())
    expert = 3 * MODEL.hidden_size * MODEL.intermediate_size
    assert total - active == MODEL.num_hidden_layers * 2 * expert


def test_experts_apart_are_tried_where_sharding_waits_for_weights_between_nodes() -> None:
    wide = replace(MODEL, hidden_size=512, intermediate_size=2048)
    run = a_run(Stage((WindowLength(256),), tokens=16 * 256, steps=1), model=wide)
    plan = make_plan(run, 16, 2**33, GPU)
    assert next(found for found in plan.estimates if found.layout.expert == 1).waits
    assert plan.estimates[0].layout.expert > 1
