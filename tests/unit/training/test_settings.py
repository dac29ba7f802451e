from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from cistron.data.corpus import Source
from cistron.errors import InputError, ResumeError, UnknownNameError
from cistron.training.pretrain import OptimSettings
from cistron.training.settings import apply_settings, differences, from_plain, resumed, to_json


@dataclass(frozen=True)
class Stage:
    length: int
    batch: int = 2
    steps: int | None = None


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
    share: float | tuple[float, ...] = 0.5
    weights: tuple[float, ...] | None = None
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
    "share=0.25": Example(share=0.25),
    "share=0.25,0.5": Example(share=(0.25, 0.5)),
    "weights=1,2": Example(weights=(1.0, 2.0)),
    "weights=3": Example(weights=(3.0,)),
    "weights=none": Example(),
    "stages=64,128": Example(stages=(Stage(64), Stage(128))),
    'stages=[{"length": 64, "steps": 5}]': Example(stages=(Stage(64, 2, 5),)),
    "stages=[]": Example(stages=()),
    "stages.1.steps=none": Example(stages=(Stage(8, 2, 5), Stage(16, 1))),
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
    "stages=x": "setting 'stages': 'x' is not a int",
    "stages=[3": "setting 'stages': '[3' is not a JSON list",
    'stages=[{"length": "x"}]': "setting 'stages': length cannot be",
    'stages=[{"lenght": 3}]': "setting 'stages': no setting is called 'lenght'; did you mean length?",
    'stages=[{"batch": 3}]': "setting 'stages': ",
    "share=x": "setting 'share': 'x' is not a float",
    "share=1,x": "setting 'share': 'x' is not a float",
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


def saved(run, folder):
    (folder / "run.json").write_text(to_json(run))
    return folder / "run.json"


@pytest.mark.parametrize("setting", GOOD)
def test_a_written_run_is_read_again_as_it_was(tmp_path, setting):
    run = apply_settings(Example(), [setting])
    assert resumed(Example(name=run.name), saved(run, tmp_path)) == run


def test_a_run_that_was_never_saved_is_the_recipe(tmp_path):
    assert resumed(Example(steps=3), tmp_path / "run.json") == Example(steps=3)


def test_a_saved_run_of_another_kind_or_recipe_is_refused(tmp_path):
    with pytest.raises(ResumeError, match=r"belongs to another recipe \(OptimSettings, not"):
        resumed(Example(), saved(OptimSettings(), tmp_path))
    with pytest.raises(ResumeError, match=r"belongs to another recipe \(a, not b\); name the recipe that"):
        resumed(Example(name="b"), saved(Example(), tmp_path))


@pytest.mark.parametrize("text", ["", "[]", "{}", "3"])
def test_a_damaged_run_file_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json is damaged: it describes no run"):
        resumed(Example(), tmp_path / "run.json")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stepz": 1}, "no setting is called 'stepz'; did you mean steps"),
        ({"steps": 1.5}, "steps cannot be 1.5"),
        ({"steps": True}, "steps cannot be true"),
        ({"inner": {"rate": "fast"}}, 'inner: rate cannot be "fast"'),
        ({"stages": [{"length": 1}, 3]}, "stages cannot be 3"),
        ({"limit": "all"}, 'limit cannot be "all"'),
    ],
)
def test_a_saved_value_of_another_kind_is_named(change, told):
    values = {name: value for name, value in json.loads(to_json(Example())).items() if name != "run"}
    with pytest.raises(InputError) as caught:
        from_plain(Example, values | change, "run.json")
    assert told in str(caught.value)


def test_a_setting_that_an_older_version_did_not_write_has_its_default():
    assert from_plain(Example, {"steps": 3}, "run.json") == Example(steps=3)


def test_differences_are_named_by_what_set_would_take():
    changed = Example(
        steps=11,
        inner=Inner(betas=(0.9, 0.99)),
        share=(0.1, 0.2),
        stages=(Stage(8, 2, 5),),
        model=Example().model | {"hidden_size": 64},
    )
    assert list(differences(Example(), Example())) == []
    found = {name: (before, now) for name, before, now in differences(Example(), changed)}
    assert apply_settings(Example(), [f"{name}={now}" for name, (_, now) in found.items()]) == changed
    assert found == {
        "steps": ("10", "11"),
        "inner.betas.1": ("0.95", "0.99"),
        "share": ("0.5", "[0.1, 0.2]"),
        "stages": (
            '[{"length": 8, "batch": 2, "steps": 5}, {"length": 16, "batch": 1, "steps": 3}]',
            '[{"length": 8, "batch": 2, "steps": 5}]',
        ),
        "model.hidden_size": ("32", "64"),
    }
