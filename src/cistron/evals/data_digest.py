"""Which data a number rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from cistron.evals.task import Setting
from cistron.formats.atomic import sha256_file


def data_digests(setting: Setting, needs: Iterable[str]) -> dict[str, str]:
    """SHA-256 of each file below the data folder; of a folder, that of its files' names and hashes.

    Raises:
        InputError: One is not there.
    """
    return {relative: _digest(setting.path(relative)) for relative in needs}


@lru_cache(maxsize=512)
def _digest(path: Path) -> str:
    if path.is_file():
        return sha256_file(path)
    lines = [
        f"{file.relative_to(path)} {sha256_file(file)}" for file in sorted(path.rglob("*")) if file.is_file()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
