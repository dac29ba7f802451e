"""Tables of documents, one file each: `tables/NAME.py` turns `bench/results/NAME.json` into Markdown."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def names() -> list[str]:
    """Every table there is."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def results(name: str) -> Any:
    """A results file of `bench/`."""
    return json.loads((ROOT / "bench/results" / f"{name}.json").read_text())


def table(name: str) -> str:
    """The Markdown of a table, made from its results file."""
    text: str = import_module(f"tables.{name}").TABLE(results(name))
    return text


def interval(row: Any, places: int = 4, *, signed: bool = False) -> str:
    """An estimate with its interval, with true minus signs."""
    sign = "+" if signed else ""
    text = f"{row['estimate']:{sign}.{places}f} ({row['low']:{sign}.{places}f} to {row['high']:{sign}.{places}f})"
    return text.replace("-", "−")
