"""What every training recipe promises: it resolves to plain values and can be built."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from cistron.data.held_out import HeldOut
from cistron.genome.contigs import plain_name
from cistron.models import MODELS
from cistron.training import RECIPES
from cistron.training.pretrain import Pretraining, check
from cistron.training.settings import apply_settings, to_json

every_recipe = pytest.mark.parametrize("name", RECIPES.names())
PRETRAINING = [name for name in RECIPES.names() if isinstance(RECIPES.get(name)(), Pretraining)]
VALIDATED = [name for name in PRETRAINING if RECIPES.get(name)().data.validation]


@every_recipe
def test_a_recipe_is_a_frozen_run_and_gives_the_same_one_every_time(name):
    run = RECIPES.get(name)()
    assert dataclasses.is_dataclass(run)
    assert run == RECIPES.get(name)()
    assert callable(run.execute)
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.execute = None


@every_recipe
def test_a_recipe_resolves_to_json_that_holds_every_setting(name):
    run = RECIPES.get(name)()
    resolved = json.loads(to_json(run))
    assert resolved.pop("run") == type(run).__name__
    assert resolved.keys() == {field.name for field in dataclasses.fields(run)}


@every_recipe
def test_every_plain_setting_can_be_set_to_what_it_is(name):
    run = RECIPES.get(name)()
    for field in dataclasses.fields(run):
        value = getattr(run, field.name)
        if isinstance(value, bool | int | float | str):
            assert apply_settings(run, [f"{field.name}={value}"]) == run


@pytest.mark.parametrize("name", PRETRAINING)
def test_a_pretraining_recipe_builds_its_model_and_can_export_it(name):
    run = RECIPES.get(name)()
    spec = MODELS.get(run.architecture)
    config = spec.config(run.model)
    with torch.device("meta"):
        model = spec.build(config)
    assert sum(parameter.numel() for parameter in model.parameters()) > 0
    check(run)
    for window in (window for stage in run.stages for window in stage.lengths):
        assert 0 < window.length <= config.context_length


@pytest.mark.parametrize("name", VALIDATED)
def test_a_pretraining_recipe_validates_on_what_it_holds_out(name):
    data = RECIPES.get(name)().data
    assert data.held_out
    assert any(
        f"chr{plain_name(region.partition(':')[0])}" in data.validation.fasta for region in data.held_out
    )
    if data.validation.fasta in [source.fasta for source in data.sources]:
        assert data.drop_held_out
        spans = HeldOut(data.held_out).on(data.held_out[0].partition(":")[0])
        assert any(a <= data.validation_start and data.validation_bases <= b for a, b in spans)
