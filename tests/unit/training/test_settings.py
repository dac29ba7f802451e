from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from cistron.data.corpus import Source
from cistron.errors import UnknownNameError
from cistron.training.pretrain import Stage
from cistron.training.settings import apply_settings, to_json


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    betas: tuple[float, ...] = (0.9, 0.95)


@dataclass(frozen=True)
class Example:
    steps: int = 10
    name: str = "a"
    fast: bool = False
    limit: int | None = None
    inner: Inner = field(default_factory=Inner)
    words: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    validation: Source | None = None
    stages: tuple[Stage, ...] = (Stage(8, 2, 5), Stage(16, 1, 3))
    model: dict[str, Any] = field(
        default_factory=lambda: {"hidden_size": 32, "theta": 5e7, "pad": None, "tie": False, "rope": {"x": 1}}
    )


GOOD = {
    "steps=25": Example(steps=25),
    "steps=1e3": Example(steps=1000),
    "name=x=y": Example(name="x=y"),
    "name=": Example(name=""),
    "fast=TRUE": Example(fast=True),
    "limit=7": Example(limit=7),
    "limit=none": Example(),
    "inner.rate=3e-4": Example(inner=Inner(rate=3e-4)),
    "inner.betas=0.8,0.99": Example(inner=Inner(betas=(0.8, 0.99))),
    "words=a,b,": Example(words=("a", "b")),
    "words=": Example(),
    "sources=a.fa,$X/b.fa": Example(sources=(Source("a.fa"), Source("$X/b.fa"))),
    "validation=v.fa": Example(validation=Source("v.fa")),
    "stages.1.steps=9": Example(stages=(Stage(8, 2, 5), Stage(16, 1, 9))),
    "inner.betas.0=0.5": Example(inner=Inner(betas=(0.5, 0.95))),
}


@pytest.mark.parametrize("setting", GOOD)
def test_a_setting_changes_what_it_names_and_nothing_else(setting):
    assert apply_settings(Example(), [setting]) == GOOD[setting]


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("hidden_size=64", "hidden_size", 64),
        ("theta=10000", "theta", 1e4),
        ("pad=0", "pad", 0),
        ("tie=true", "tie", True),
    ],
)
def test_values_of_mappings_are_json_of_the_kind_they_were(setting, name, value):
    found = apply_settings(Example(), [f"model.{setting}"]).model
    assert found == Example().model | {name: value}
    assert type(found[name]) is type(value)


def test_mappings_inside_mappings_can_be_set():
    assert apply_settings(Example(), ["model.rope.x=5"]).model["rope"] == {"x": 5}


def test_settings_apply_in_turn_and_leave_the_original_alone():
    run = Example()
    found = apply_settings(run, ["sources=a.fa", "sources.0.locations=t.tsv", "steps=3", "steps=4"])
    assert found == Example(sources=(Source("a.fa", "t.tsv"),), steps=4)
    apply_settings(run, ["model.hidden_size=1"])
    assert run == Example()


BAD = {
    "steps": "--set steps: expected NAME=VALUE",
    "step=3": "no setting is called 'step'; did you mean steps",
    "inner.rat=3": "no setting is called 'inner.rat'; did you mean inner.rate",
    "iner.rate=3": "no setting is called 'iner'; did you mean inner",
    "model.hiden_size=3": "no setting is called 'model.hiden_size'; did you mean model.hidden_size",
    "stages.2.steps=3": "no setting is called 'stages.2'; ",
    "steps.more=3": "setting 'steps.more': steps is a value and has no parts",
    "inner=3": "setting 'inner' is a group; set one of inner.rate, inner.betas",
    "model=3": "setting 'model' is a group; set one of model.hidden_size",
    "stages.0=3": "setting 'stages.0' is a group; set one of stages.0.length",
    "stages=3": "setting 'stages': '3' is not a Stage",
    "steps=many": "setting 'steps': 'many' is not a int",
    "steps=1.5": "setting 'steps': '1.5' is not a int",
    "steps=inf": "setting 'steps': 'inf' is not a int",
    "steps=": "setting 'steps': '' is not a int",
    "fast=yes": "setting 'fast': 'yes' is not a bool",
    "limit=all": "setting 'limit': 'all' is not a int",
    "inner.betas=0.9,x": "setting 'inner.betas': 'x' is not a float",
    "model.hidden_size=big": "setting 'model.hidden_size': 'big' is not a int",
    "model.hidden_size=1.5": "setting 'model.hidden_size': '1.5' is not a int",
    "model.tie=1": "setting 'model.tie': '1' is not a bool",
}


@pytest.mark.parametrize("setting", BAD)
def test_a_setting_that_cannot_be_is_refused_in_one_line(setting):
    with pytest.raises(UnknownNameError) as caught:
        apply_settings(Example(), [setting])
    assert str(caught.value).startswith(BAD[setting])
    assert "\n" not in str(caught.value)


def test_a_run_is_written_as_json_with_its_kind():
    written = to_json(Example())
    assert written.endswith("}\n")
    found = json.loads(written)
    assert found["run"] == "Example"
    assert found["inner"] == {"rate": 0.1, "betas": [0.9, 0.95]}
    assert found["stages"][1] == {"length": 16, "batch": 1, "steps": 3}
