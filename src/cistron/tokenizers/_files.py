"""The JSON files of a tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cistron.errors import WeightsError


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no such file.

    Raises:
        WeightsError: The file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise WeightsError(f"'{path}' is not JSON; the tokenizer file is damaged") from None
    if not isinstance(content, dict):
        raise WeightsError(f"'{path}' holds no JSON object; the tokenizer file is damaged")
    return content


def write_object(path: Path, content: dict[str, Any]) -> None:
    """Write an object as indented JSON."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
