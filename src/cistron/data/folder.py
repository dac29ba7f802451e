"""The folder of a corpus while it is being built: whose it is, and how far an earlier build came."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cistron.data.index import BUILDING, INDEX, ContigRow
from cistron.data.plan import Plan
from cistron.errors import OutputError, ResumeError
from cistron.formats.atomic import atomic_output, output_error

_TEMPORARY: Final = (".*-bases-*.bin", ".*-runs*.npy", ".*-stretches.npy", ".*-genes.npy", ".*-*.json")
"""What `atomic_output` leaves of our files when it is killed."""


@contextmanager
def claimed(folder: Path, *, resume: bool) -> Iterator[None]:
    """Hold the folder for this process; it is made when it is missing, and removed if it then stays empty.

    Raises:
        OutputError: It cannot be made, or holds something that must not be touched.
        ResumeError: Another process holds it.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except FileExistsError:
        raise OutputError(f"{folder} is not a folder; choose another place for the corpus") from None
    except OSError as error:
        raise output_error(folder, error) from error
    try:
        _lock(handle, folder)
        _require_room(folder, resume)
        _remove(folder, _TEMPORARY)
        yield
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise
    finally:
        os.close(handle)


def begun(folder: Path, identity: Mapping[str, Any]) -> Plan | None:
    """The plan of the build that was begun in `folder`; None when there is none.

    Raises:
        ResumeError: It was begun with other sources or settings.
    """
    path = folder / BUILDING
    if not path.exists():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    require_same(folder, state["request"], identity)
    contigs = tuple(ContigRow(**row) for row in state["contigs"])
    return Plan(tuple(state["names"]), contigs, tuple(state["left_out"]))


def begin(folder: Path, identity: Mapping[str, Any], plan: Plan) -> None:
    """Leave what a resumed build must know.

    Raises:
        OutputError: The disk is full.
    """
    state = {"request": identity} | asdict(plan)
    with atomic_output(folder / BUILDING) as temporary:
        temporary.write_text(json.dumps(state), encoding="utf-8")


def require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Return silently when a corpus was asked for with the same settings and contents of files.

    Raises:
        ResumeError: It was not; says what differs.
    """
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise ResumeError(
            f"{folder} holds a corpus of other {' and '.join(changed)}; give the same ones or choose another"
            " folder"
        )


def end(folder: Path) -> None:
    """Remove what only an unfinished build needs."""
    _remove(folder, (BUILDING, "runs-*.npy"))


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ResumeError(f"{folder} is in use: another process builds this corpus") from None


def _require_room(folder: Path, resume: bool) -> None:
    if (folder / INDEX).exists() or (folder / BUILDING).exists():
        if not resume:
            state = "a corpus" if (folder / INDEX).exists() else "a half-built corpus"
            raise OutputError(
                f"{folder} already holds {state}; add --resume to continue it or choose another folder"
            )
    elif any(not path.name.startswith(".") for path in folder.iterdir()):
        raise OutputError(f"{folder} is not empty and holds no corpus; choose another folder")


def _remove(folder: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
