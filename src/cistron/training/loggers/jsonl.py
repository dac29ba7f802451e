"""One JSON object a line, in `log.jsonl` of the run: the log that every run has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cistron.formats.atomic import atomic_output, writing

FILE = "log.jsonl"


class JsonLines:
    """Appends rows; each is on disk when `write` returns, so a killed run loses none."""

    def __init__(self, folder: Path, done: int) -> None:
        self.path = folder / FILE
        if self.path.exists():
            self._drop_after(done)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row; what is no number in JSON becomes null.

        Raises:
            OutputError: The disk is full.
        """
        with writing(self.path), self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(_finite(row), allow_nan=False) + "\n")

    def close(self) -> None:
        """Nothing is held open."""

    def _drop_after(self, done: int) -> None:
        """Keep what is said of steps up to `done`; a kill may have cut the last row short."""
        kept = [row for row in rows(self.path) if row["step"] <= done]
        with atomic_output(self.path) as fresh:
            fresh.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


def rows(path: Path) -> list[dict[str, Any]]:
    """The whole rows of a log."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value


LOGGER = JsonLines
