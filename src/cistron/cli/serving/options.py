"""Options of `cistron serve` that name several things: NAME=WHAT."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cistron.errors import CistronError, InputError

_NAME: Final = re.compile(r"[\w.-]{1,100}")
_UNITS: Final = {"K": 10, "M": 20, "G": 30, "T": 40}


class MissingServerError(CistronError):
    """A library is missing that comes with the extra `server`."""


def require_server() -> None:
    """Return silently where the service's libraries are installed.

    Raises:
        MissingServerError: One is not.
    """
    for module in ("fastapi", "uvicorn", "sqlalchemy", "prometheus_client", "python_multipart"):
        if find_spec(module) is None:
            raise MissingServerError(
                f"the service needs {module}; install it with: pip install 'cistron[server]'"
            )


def named(option: str, words: Sequence[str]) -> dict[str, str]:
    """Name → what it names, of each `NAME=WHAT`.

    Raises:
        InputError: One is spelled otherwise, or a name comes twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, what = word.partition("=")
        if not equals or not what or not _NAME.fullmatch(name):
            raise InputError(f"{option} {word}: write NAME=WHAT, such as {_EXAMPLES[option]}")
        if name in found:
            raise InputError(f"{option} {word}: '{name}' comes twice; give each a name of its own")
        found[name] = what
    return found


def named_paths(option: str, words: Sequence[str]) -> dict[str, Path]:
    """The same for files and folders, which must exist.

    Raises:
        InputError: One does not.
    """
    paths = {name: Path(what).expanduser().resolve() for name, what in named(option, words).items()}
    for name, path in paths.items():
        if not path.exists():
            raise InputError(f"{option} {name}={path}: there is no such file; check the name")
    return paths


def memory_bytes(text: str) -> int:
    """Bytes, from a number and perhaps K, M, G or T behind it (powers of 1,024).

    Raises:
        InputError: It is neither.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", text.upper())
    if match is None or float(match[1]) == 0:
        raise InputError(f"--memory {text}: write a number of bytes such as 8G")
    return int(float(match[1]) * 2 ** _UNITS.get(match[2], 0))


_EXAMPLES: Final = {
    "--model": "large=/models/genos-1.2b",
    "--genome": "hg38=hg38.fa",
    "--annotation": "hg38=gencode.gff3.gz",
    "--head": "pathogenicity=heads/clinvar",
    "--fusion": "kegg=runs/kegg/model",
    "--language": "kegg=/models/smollm2.gguf",
}
