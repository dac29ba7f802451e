from __future__ import annotations

import torch

from cistron.models import MODELS
from cistron.training.export import config_at
from cistron.training.planning import count_parameters
from cistron.training.recipes.evo2 import EXTENSIONS, RECIPE
from cistron.training.stages import Timetable

SPEC = MODELS.get("stripedhyena2")


def test_the_recipe_trains_the_published_architecture_of_7b() -> None:
    run = RECIPE()
    assert run.architecture == "stripedhyena2"
    assert count_parameters(run) == (6_581_722_880, 6_581_722_880)
    with torch.device("meta"):
        model = SPEC.build(SPEC.config(run.model))
    assert {tensor.device.type for tensor in model.parameters()} == {"meta"}
    assert len(model.blocks) == 32


def test_the_last_stage_ends_with_the_settings_of_the_published_model() -> None:
    run = RECIPE()
    total = Timetable(run.stages, run.optim).total
    assert config_at(run, SPEC.config(run.model), total) == SPEC.sizes["evo2-7b"]


def test_positions_are_stretched_by_as_much_as_windows_are() -> None:
    run = RECIPE()
    lengths = [window.length for stage in run.stages for window in stage.lengths]
    assert lengths == [8192, *EXTENSIONS]
    assert lengths[-1] == 2**20
    factors = [config_at(run, SPEC.config(run.model), step).rope_factor for step in _first_steps()]
    assert factors == [1, 4, 8, 16, 32, 64, 128]
    # As in the published configurations at these lengths.
    assert factors[lengths.index(262_144)] == SPEC.sizes["evo2-7b-262k"].rope_factor
    assert factors[lengths.index(1_048_576)] == SPEC.sizes["evo2-7b"].rope_factor


def test_the_first_phase_reads_windows_that_touch_a_gene() -> None:
    first, *rest = RECIPE().stages
    assert [window.gene_distance for window in first.lengths] == [0]
    assert {window.gene_distance for stage in rest for window in stage.lengths} == {None}


def _first_steps() -> list[int]:
    """The first step of every stage, 1-based."""
    done, found = 0, []
    for stage in RECIPE().stages:
        found.append(done + 1)
        done += stage.num_steps
    return found
