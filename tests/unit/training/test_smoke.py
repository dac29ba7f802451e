"""The recorded loss curve of the smoke recipe: what a refactoring must not change.

Where a change is meant to change it, `cistron train smoke -o FOLDER --threads 1` and the rows of its
`log.jsonl` give the new `smoke_curve.json`: {"step", "nats_per_base"} of every step, and validations.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cistron.training.recipes.smoke import RECIPE

CURVE = Path(__file__).with_name("smoke_curve.json")
NAMES = ("nats_per_base", "validation_nats_per_base")


def test_the_smoke_recipe_loses_what_it_lost_when_it_was_recorded(tmp_path, log_of):
    RECIPE().execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    found = [
        {name: row[name] for name in ("step", *NAMES) if name in row} for row in log_of(tmp_path / "run")
    ]
    recorded = json.loads(CURVE.read_text())
    assert len(found) == len(recorded)
    for row, expected in zip(found, recorded, strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


def test_the_recorded_curve_falls():
    losses = [row["nats_per_base"] for row in json.loads(CURVE.read_text()) if "nats_per_base" in row]
    assert losses[0] == pytest.approx(2.77, abs=0.1)  # ln 16
    assert sum(losses[-5:]) / 5 < 1.36  # below any model that ignores context


def test_a_smoke_run_takes_tens_of_seconds_and_goes_through_what_long_runs_do():
    run = RECIPE()
    assert sum(stage.tokens * stage.num_steps for stage in run.stages) < 300_000
    assert len(run.stages) > 1
    assert len(run.stages[0].lengths) > 1
    assert run.micro_tokens < run.stages[0].tokens
    assert run == replace(run, autocast=False, compile=())
