"""Sizes and SHA-256 of a model folder's files, written when it is saved and verified when it is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cistron.errors import WeightsError
from cistron.formats.atomic import sha256_file
from cistron.weights import CARD, CHECKSUMS
from cistron.weights.jsonfile import read_object, write_object

_ADVICE = "fetch the folder again, or delete checksums.json if the change is meant"


def combined(digests: Iterable[str]) -> str:
    """One SHA-256 for the weights: that of the only file, or of the sorted lines of several."""
    digests = sorted(digests)
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def write_checksums(folder: Path) -> dict[str, str]:
    """Write `checksums.json` over every file but the card; returns file name → SHA-256."""
    digests = {
        path.name: sha256_file(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in (CARD, CHECKSUMS)
    }
    entries = {name: {"size": (folder / name).stat().st_size, "sha256": sha} for name, sha in digests.items()}
    write_object(folder / CHECKSUMS, entries)
    return digests


def verified_digests(folder: Path, weights: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each weights file by name, after comparing the folder with its `checksums.json`, if any.

    Raises:
        WeightsError: A listed file is missing or differs, or a weights file is not listed.
    """
    names = [path.name for path in weights]
    recorded = read_object(folder / CHECKSUMS) if (folder / CHECKSUMS).exists() else {}
    for name in recorded:
        _compare_size(folder, name, recorded)
    digests = {name: sha256_file(folder / name) for name in {*names, *recorded}}
    for name, digest in digests.items():
        if recorded and name not in recorded:
            raise WeightsError(f"'{folder / name}' is not listed in checksums.json; {_ADVICE}")
        if recorded and digest != recorded[name].get("sha256"):
            raise WeightsError(
                f"'{folder / name}' was changed since it was saved (its sha256 differs); {_ADVICE}"
            )
    return {name: digests[name] for name in names}


def _compare_size(folder: Path, name: str, recorded: Mapping[str, Any]) -> None:
    path = folder / name
    if path.name != name or not isinstance(recorded[name], dict):
        raise WeightsError(f"'{folder / CHECKSUMS}' is damaged at {name!r}; {_ADVICE}")
    if not path.is_file():
        raise WeightsError(f"'{path}' is missing although checksums.json lists it; {_ADVICE}")
    size, expected = path.stat().st_size, recorded[name].get("size")
    if size != expected:
        raise WeightsError(f"'{path}' has {size} bytes where checksums.json says {expected}; {_ADVICE}")
