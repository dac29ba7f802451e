"""The folder of a run: it belongs to one run, and to one process group at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cistron.errors import InputError, ResumeError
from cistron.formats.atomic import atomic_output, output_error
from cistron.training import Run
from cistron.training.checkpoint import FOLDER as CHECKPOINTS
from cistron.training.loggers.jsonl import FILE as LOG
from cistron.training.pretrain import Pretraining
from cistron.training.settings import differences, from_plain, to_json

SETTINGS, MODEL, CORPUS, HEAD = "run.json", "model", "corpus", "head"

R = TypeVar("R", bound=Run)


@contextmanager
def claimed(run: Run, folder: Path, *, resume: bool) -> Iterator[None]:
    """Hold the folder for `run` during the block, after making sure that it is this run's or nobody's.

    Raises:
        ResumeError: The folder holds another run, settings differ from the saved ones, there is nothing to
            resume, or another process trains here.
        OutputError: The folder cannot be written.
    """
    saved = folder / SETTINGS
    if resume and not saved.exists():
        raise ResumeError(f"{folder} is not a run folder: it has no {SETTINGS}")
    if not resume and any((folder / name).exists() for name in (LOG, CHECKPOINTS, MODEL, HEAD)):
        raise ResumeError(
            f"{folder} already holds a run; add --resume to continue it or choose another folder"
        )
    if resume:
        _refuse_changes(run, saved)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise output_error(folder, problem) from None
    with _locked(folder):
        with atomic_output(saved) as fresh:
            fresh.write_text(to_json(run), encoding="utf-8")
        yield


def saved_run(folder: Path) -> Pretraining:
    """The pretraining run whose folder this is.

    Raises:
        InputError: `run.json` is damaged or describes something else.
        ResumeError: It is not a run folder.
    """
    return read_run(folder, Pretraining)


def read_run(folder: Path, kind: type[R]) -> R:
    """The run of some kind whose folder this is; errors are those of `saved_run`."""
    path = folder / SETTINGS
    if not path.is_file():
        raise ResumeError(f"{folder} is not a run folder: it has no {SETTINGS}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{path} is not JSON; the file is damaged") from None
    if not isinstance(content, dict) or content.pop("run", None) != kind.__name__:
        raise InputError(f"{path} describes no {kind.__name__.lower()} run")
    return from_plain(kind, content, str(path))


def _refuse_changes(run: Run, saved: Path) -> None:
    changed = [
        f"{name}: {before} → {now}"
        for name, before, now in differences(read_run(saved.parent, type(run)), run)
        if name.split(".")[0] not in getattr(run, "FREE", ())
    ]
    if changed:
        raise ResumeError(
            f"{saved} describes another run ({'; '.join(changed)}); "
            "leave the changed settings out, or start a new run in another folder"
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out; the lock goes with the process, however it ends."""
    path = folder / "run.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as problem:
        raise output_error(path, problem) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ResumeError(f"{folder} is in use: another process trains here") from None
        yield
    finally:
        os.close(handle)
