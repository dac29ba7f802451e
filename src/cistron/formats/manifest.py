"""Manifests: how an output file was made, in JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cistron.formats.atomic import atomic_output


def manifest_path(output: str | Path) -> Path:
    """Where the manifest of `output` lies: `OUTPUT.manifest.json`."""
    output = Path(output)
    return output.with_name(output.name + ".manifest.json")


def write_manifest(output: str | Path, content: Mapping[str, Any]) -> Path:
    """Write `content` beside `output` as indented JSON in the given order, and return where.

    Raises:
        OutputError: The folder is missing, read-only or full.
        TypeError: `content` holds something that JSON cannot.
    """
    path = manifest_path(output)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_output(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path
