"""The table of predicted tracks says what beats what, and what is not defined."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


@pytest.fixture
def table(scripts: dict[str, Any]) -> Any:
    return importlib.import_module("tables.tracks_evaluation").TABLE


def row(name: str, kind: str, value: float | None) -> dict:
    metric = {"level": "bin", "name": "pearson_log1p", "value": value, "low": None, "high": None, "n": 1200}
    if value is not None:
        metric |= {"low": value - 0.1, "high": value + 0.1}
    return {"name": name, "kind": kind, "metrics": [metric]}


def test_each_track_has_its_rows_and_the_verdict_against_each_baseline(table):
    difference = {"level": "bin", "name": "pearson_log1p", "value": 0.1, "low": -0.05, "high": 0.2}
    verdicts = {"gc": True, "cpg": False, "annotation": None}
    case = {
        "about": "a signal",
        "rows": [row("model", "model", 0.5), row("AMY", "replicate", 0.9), row("mean", "baseline", None)],
        "differences": [difference | {"second": name, "better": found} for name, found in verdicts.items()],
    }
    text = table({"block": 16_384, "cases": {"run/track": case}})
    assert "**`run/track`: a signal.**" in text
    assert "(n = 1,200)" in text
    assert "| model | 0.500 [0.400, 0.600] |" in text
    assert "| AMY (measured) | 0.900 [0.800, 1.000] |" in text
    assert "| mean (baseline) | not defined |" in text
    for name, mark in {"gc": "▲", "cpg": "▼", "annotation": "="}.items():
        assert f"| {name} | {mark} +0.100 [−0.050, +0.200] |" in text


def test_too_few_blocks_are_said(table):
    case = {"about": "a signal", "rows": [row("model", "model", 0.5)], "differences": []}
    assert "Too few blocks" in table({"block": 16_384, "cases": {"run/track": case}})
