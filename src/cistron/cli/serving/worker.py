"""Runs one `cistron` command for the service, tells how far that is, and stops when the service is gone."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final

from cistron.cli import progress
from cistron.cli.main import main

_TOLD_EVERY: Final = 0.2
_PATIENCE: Final = 20.0


def work(words: Sequence[str], folder: Path, told: Connection[int, None]) -> None:
    """Run `cistron` with these words in a process of its own, which ends with its exit status.

    Args:
        words: What a user would type behind `cistron`.
        folder: Of the job; `lock` there is held as long as the process lives and names it, `messages.txt`
            gets what the command says.
        told: Gets the number of finished items now and then.
    """
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    with (folder / "lock").open("a+") as lock, (folder / "messages.txt").open("wb") as messages:
        # One that a dead service left behind may need a moment to end.
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        os.dup2(messages.fileno(), sys.stderr.fileno())
        # Commands take the bar by name when they are imported, which is after this.
        setattr(progress, "progress_bar", _bar(told.send))  # noqa: B010 - a function of another type
        sys.argv = ["cistron", *words]
        main()


def _bar(tell: Callable[[int], None]) -> Callable[..., object]:
    """What stands for `cistron.cli.progress.progress_bar`."""

    @contextmanager
    def bar(title: str, total: int, unit: str, *, done: int = 0) -> Iterator[progress.Advance]:
        finished, last = done, 0.0

        def advance(units: int) -> None:
            nonlocal finished, last
            finished += units
            if time.monotonic() - last > _TOLD_EVERY:
                last = time.monotonic()
                tell(finished)

        tell(finished)
        yield advance
        tell(finished)

    return bar


def _stop_with_parent() -> None:
    """End this process as by a signal once the service is gone; at once where that does not help."""
    service = parent_process()
    assert service is not None
    wait([service.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(1)
