from __future__ import annotations

from types import ModuleType
from typing import Any

Scripts = dict[str, ModuleType]


def _row(row: str, kind: str, value: float | None, **more: Any) -> dict[str, Any]:
    known = {"low": None, "high": None, "n": 40, "higher_is_better": True, "verdict": "", "skipped": None}
    return {"row": row, "kind": kind, "value": value, **known, **more}


def _task(name: str, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    known = {"metric": "mcc", "badge": "leak", "limit": None, "published": []}
    return {"task": name, "rows": list(rows), **known, **more}


def test_the_table_names_the_best_row_and_says_where_words_win(scripts: Scripts) -> None:
    words = _row("words", "baseline", 0.5, low=0.4, high=0.6)
    other = _row("another", "model", 0.9, verdict="better")
    loses = _task("gue/tf/0", other, _row("default", "model", 0.3, low=0.2, high=0.4, verdict="worse"), words)
    nats = {"higher_is_better": False}
    wins = _task(
        "likelihood/regions",
        _row("default", "model", 1.2, verdict="better", **nats),
        _row("uniform", "baseline", 1.39, **nats),
        _row("markov-6", "markov", 1.3, **nats),
        limit=2_000,
        published=[
            {"model": "X", "value": 0.7, "metric": "not named", "protocol": "", "source": "somewhere"}
        ],
    )
    from_results = scripts["tables"].import_module("tables.evaluation").TABLE
    table = from_results({"tasks": [loses, wins]})
    assert (
        "| `gue/tf/0` | mcc | 40 | leak | 0.300 [0.200, 0.400] ▼ | – | 0.500 [0.400, 0.600] | words |"
        in table
    )
    assert "| 1.200 ▲ | – | 1.300 | markov-6 |" in table
    assert "- better than the best row without a trained model: 1 (`likelihood`)" in table
    assert "- worse than it: 1 (`gue`)" in table
    assert "At most 2,000 items to fit on and as many to tell, drawn at random (`likelihood`)." in table
    assert "| `likelihood/regions` | X | 0.7 | not named | not stated | somewhere |" in table


def test_a_model_without_numbers_has_the_reason(scripts: Scripts) -> None:
    task = _task("a/b", _row("default", "model", None, n=None, skipped="needs 32,768 tokens"))
    table = scripts["tables"].import_module("tables.evaluation").TABLE({"tasks": [task]})
    assert "| leak | needs 32,768 tokens | – | – |  |" in table
    assert "Published by others" not in table
