from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest


def results(task: str, metric: dict[str, Any], trained_on: list[str]) -> dict[str, Any]:
    row = {"name": "m", "kind": "model", "statement": "", "metrics": [metric]}
    skipped = {"name": "other", "kind": "model", "statement": "", "skipped": "context"}
    control = {"name": "markov-5, scores shuffled", "kind": "control", "statement": "", "metrics": [metric]}
    return {
        "width": 512,
        "interval": "95 %",
        "models": {"m": {"parameters": "7", "card": {"trained_on": trained_on}}},
        "tasks": {task: {"rows": [row, skipped, control]}},
    }


@pytest.fixture
def table(scripts: dict[str, ModuleType]) -> Any:
    return importlib.import_module("tables.zeroshot").TABLE


def test_numbers_that_differ_from_chance_are_bold_and_others_are_not(table: Any) -> None:
    metric = {"name": "stop below sense codon", "value": 0.7, "low": 0.6, "high": 0.8, "n": 5}
    text = table(results("zeroshot-classes/ecoli", metric, []))
    assert "| E. coli: stop below sense codon | 5 | **0.70 [0.60, 0.80]** | – |" in text
    wide = table(results("zeroshot-classes/ecoli", {**metric, "low": 0.4}, []))
    assert "| 5 | 0.70 [0.40, 0.80] | – |" in wide
    assert "shuffled |" not in text


@pytest.mark.parametrize(("trained", "mark"), [("Escherichia coli", ""), ("Homo sapiens", "†")])
def test_taxa_that_a_model_never_read_are_marked(table: Any, trained: str, mark: str) -> None:
    metric = {"name": "E. coli K-12", "value": -1.4, "low": -1.5, "high": -1.3, "n": 5}
    text = table(results("zeroshot-taxa", metric, [trained]))
    assert f"| E. coli K-12 | 5 | −1.400 [−1.500, −1.300]{mark} |" in text
