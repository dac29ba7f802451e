"""The table of trained heads for tracks says which pass was taken and on how much."""

from __future__ import annotations

import importlib
from typing import Any


def test_the_pass_with_the_lowest_validation_loss_is_shown(scripts: dict[str, Any]):
    part = {"windows": 1200, "bases": 34_567}
    run = {
        "about": "a signal",
        "tracks": [{"name": "a", "strand": ".", "mean": 4.518}, {"name": "b", "strand": "+", "mean": 0.25}],
        "parts": {"train": part, "validation": part, "test": part},
        "settings": {"mode": "frozen", "head": "coverage-unet", "settings": {"loss": "mse"}},
        "log": [
            {"step": 1, "loss": 0.3, "validation": 0.25},
            {"step": 2, "loss": 0.2, "validation": 0.125},
            {"step": 3, "loss": 0.1, "validation": 0.5},
        ],
    }
    table = importlib.import_module("tables.tracks").TABLE({"model": "default", "runs": {"one": run}})
    assert "| one | a (4.52), b (0.25) | 1,200, 1,200, 1,200 | 34,567, 34,567, 34,567 " in table
    assert "| 2 of 3 | 0.2000 | 0.2500, 0.1250 |" in table
    assert "one: a signal. Model: default, frozen; head coverage-unet, loss mse" in table
