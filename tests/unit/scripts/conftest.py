from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The scripts that write documents by name, imported as they import one another."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return {name: importlib.import_module(name) for name in ("generate_docs", "ship_model", "tables")}


def _row(estimate: float, width: float = 0.001) -> dict[str, float]:
    return {"estimate": estimate, "low": estimate - width, "high": estimate + width}


def nats_result() -> dict[str, Any]:
    """Two baselines and a model; order 3 is the best baseline in exons, order 12 in repeats."""
    levels = {"Markov, order 3": (3, 1.30, 1.33), "Markov, order 12": (12, 1.40, 1.10)}
    rows = [
        {"name": name, "order": order, "nats_per_base": {"exons": _row(exons), "repeats": _row(repeats)}}
        for name, (order, exons, repeats) in levels.items()
    ]
    model = {"name": "default (shipped)", "order": None}
    rows.append(model | {"nats_per_base": {"exons": _row(1.25), "repeats": _row(1.15)}})
    return {
        "blocks": 1200,
        "block_bases": 2048,
        "context_bases": 1024,
        "interval": "95 %, 2,000 bootstrap draws of whole blocks",
        "regions": {
            "exons": {"definition": "in an exon", "bases": 54_321},
            "repeats": {"definition": "in a repeat", "bases": 12},
        },
        "rows": rows,
        "model_minus": {
            "exons": {"Markov, order 3": _row(-0.05), "Markov, order 12": _row(-0.15)},
            "repeats": {"Markov, order 3": _row(-0.18), "Markov, order 12": _row(0.05)},
        },
        "beats_every_markov_model": {"exons": True, "repeats": False},
        "model": {"sha256": "a" * 64},
    }


def brca1_result() -> dict[str, Any]:
    """One group, a model and a baseline."""
    group = {
        "variants": 3893,
        "lof": 823,
        "auroc": {"default (shipped)": _row(0.61, 0.02), "Markov, order 12": _row(0.5, 0.02)},
        "model_minus": {"Markov, order 12": _row(0.11, 0.01)},
    }
    return {
        "what": "AUROC of LOF",
        "width": 2048,
        "strands": "both",
        "interval": "95 %, 2,000 bootstrap draws of positions",
        "locus_was_in_training_data": False,
        "groups": {"all": group},
        "model": {"sha256": "a" * 64},
    }


@pytest.fixture
def result_files(
    scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Writes result files, with the given entries changed, into a folder where the scripts look for them."""

    def write(**changes: dict[str, Any]) -> None:
        folder = tmp_path / "bench/results"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {"nats": nats_result(), "brca1": brca1_result()}.items():
            (folder / f"{name}.json").write_text(json.dumps(content | changes.get(name, {})))
        monkeypatch.setattr(scripts["tables"], "ROOT", tmp_path)

    return write
