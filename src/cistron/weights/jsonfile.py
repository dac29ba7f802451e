"""Read the JSON files of a model folder, with errors a user can act on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cistron.errors import WeightsError


def read_object(path: Path) -> dict[str, Any]:
    """Content of a file that must hold one JSON object.

    Raises:
        WeightsError: The file is missing, unreadable, or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"'{path.parent}' is not a complete model folder: it has no {path.name}") from None
    except OSError as problem:
        raise WeightsError(f"'{path}' cannot be read: {problem.strerror}") from None
    except ValueError:
        raise WeightsError(f"'{path}' is not JSON; the file is damaged, fetch or save it again") from None
    if not isinstance(content, dict):
        raise WeightsError(f"'{path}' holds no JSON object; the file is damaged, fetch or save it again")
    return content


def write_object(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as indented JSON."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
