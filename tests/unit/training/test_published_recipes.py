from __future__ import annotations

import pytest

from cistron.models import MODELS
from cistron.training import RECIPES
from cistron.training.planning import count_parameters
from cistron.training.pretrain import Pretraining, check
from cistron.training.stages import Timetable

BILLION = 10**9


def recipe(name: str) -> Pretraining:
    run = RECIPES.get(name)()
    assert isinstance(run, Pretraining)
    return run


@pytest.mark.parametrize(
    ("name", "parameters", "active"),
    [("genos-1-2b", 1_246_094_336, 0.340), ("genos-10b", 10_270_248_960, 3.02)],
)
def test_genos_recipes_build_the_published_sizes(name: str, parameters: int, active: float) -> None:
    total, used = count_parameters(recipe(name))
    assert total == parameters
    assert used / BILLION == pytest.approx(active, rel=0.002)


@pytest.mark.parametrize(("name", "billions"), [("genos-1-2b", 1600), ("genos-10b", 2200)])
def test_genos_stages_add_up_to_the_published_tokens(name: str, billions: int) -> None:
    stages = recipe(name).stages
    assert sum(stage.total_tokens or 0 for stage in stages) == billions * BILLION
    assert [window.gene_distance for window in stages[0].lengths + stages[1].lengths] == [5120, 10_240]
    assert all(stage.tokens == 1024 * max(window.length for window in stage.lengths) for stage in stages)
    assert {window.length for stage in stages for window in stage.lengths} == {
        8192,
        32_768,
        131_072,
        1_024_000,
    }


@pytest.mark.parametrize(("name", "warmup"), [("genos-1-2b", 0.1), ("genos-10b", 0.05)])
def test_genos_learning_rates_rise_to_the_peak_and_reach_a_tenth_at_four_fifths(
    name: str, warmup: float
) -> None:
    run = recipe(name)
    timetable = Timetable(run.stages, run.optim)
    assert timetable.rate(round(warmup * timetable.total)) == pytest.approx(1e-4, rel=1e-3)
    assert timetable.rate(round(0.8 * timetable.total)) == pytest.approx(1e-5)
    assert timetable.rate(timetable.total - 1) == pytest.approx(1e-5)


@pytest.mark.parametrize("name", ["genos-1-2b", "genos-10b", "evo2"])
def test_published_recipes_are_sound_and_their_windows_fit_the_model(name: str) -> None:
    run = recipe(name)
    check(run)
    context = MODELS.get(run.architecture).config(run.model).context_length
    assert max(window.length for stage in run.stages for window in stage.lengths) <= context
