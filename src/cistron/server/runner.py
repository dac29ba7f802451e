"""Runs jobs, each as a command of its own: what it eats or breaks is not the service's.

The command's journal makes the result the same however often it was interrupted. Commands are forked from a
process that has imported everything and done nothing, so that they start at once. They stop when the service
is gone.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from sqlalchemy.exc import OperationalError

from cistron.server.commands import command_of
from cistron.server.jobs import ATTEMPTS, Job, Jobs
from cistron.server.metrics import Metrics
from cistron.server.settings import Settings

LOG: Final = logging.getLogger("cistron.server")

_TICK: Final = 0.25
_RENEW: Final = 2.0
_CLEAN: Final = 300.0
_STOP_SECONDS: Final = 10.0
_ERROR: Final = "cistron: "

_NURSERY: Final = multiprocessing.get_context("forkserver")


class Runner:
    """Threads that take jobs from the table, one after another.

    Args:
        jobs: The table.
        settings: Number of threads, and what a job is run with.
        metrics: Where endings are counted.
    """

    def __init__(self, jobs: Jobs, settings: Settings, metrics: Metrics) -> None:
        self._jobs, self._settings, self._metrics = jobs, settings, metrics
        self._name: Final = secrets.token_hex(8)
        self._stopped: Final = threading.Event()
        self._threads: Final[list[threading.Thread]] = []
        self.done: Final[dict[str, int]] = {}
        """Alleles or sequences that running jobs have finished."""

    def start(self) -> None:
        """Begin; jobs that an earlier process left come first. Without a worker, jobs only wait."""
        if self._settings.worker is None:
            return
        _NURSERY.set_forkserver_preload([self._settings.worker.__module__, "cistron.inference.load"])
        self._jobs.take_up()
        for number in range(self._settings.workers):
            thread = threading.Thread(target=self._work, name=f"runner-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop running commands, and queue their jobs again for the next start."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS + 5)

    def _work(self) -> None:
        cleaned = float("-inf")
        while not self._stopped.wait(_TICK):
            try:
                if time.monotonic() - cleaned > _CLEAN:
                    cleaned = time.monotonic()
                    self._jobs.clean()
                job = self._jobs.claim(self._name)
                if job is not None:
                    self._run(job)
            except OperationalError:
                LOG.warning("jobs wait: the database did not answer")
                self._stopped.wait(1.0)
            except Exception as error:
                LOG.error("a job could not be run: %s", type(error).__name__)
                self._stopped.wait(1.0)

    def _run(self, job: Job) -> None:
        folder = self._jobs.folder(job.id).resolve()
        words = command_of(job.kind, job.model, job.options, self._settings, folder)
        told, telling = _NURSERY.Pipe(duplex=False)
        process = _NURSERY.Process(target=self._settings.worker, args=(words, folder, telling))
        process.start()
        telling.close()
        with told:
            code = self._watched(job, process, told)
        self.done.pop(job.id, None)
        self._end(job, folder, code)

    def _watched(self, job: Job, process: ForkServerProcess, told: Connection[None, int]) -> int | None:
        """The command's exit status; None where the job was cancelled or the service stops."""
        renewed = time.monotonic()
        while True:
            try:
                while told.poll(_TICK):
                    self.done[job.id] = told.recv()
            except EOFError:
                process.join()
                return process.exitcode
            if time.monotonic() - renewed > _RENEW or self._stopped.is_set():
                renewed = time.monotonic()
                if self._stopped.is_set() or not self._kept(job):
                    _end_process(process)
                    return None

    def _kept(self, job: Job) -> bool:
        try:
            return self._jobs.renew(job, self._name)
        except OperationalError:
            return True

    def _end(self, job: Job, folder: Path, code: int | None) -> None:
        if code is None or self._stopped.is_set():
            if self._stopped.is_set():
                self._jobs.put_back(job, counted=False)
            self._jobs.sweep(job.id)
            return
        if code == 0:
            ended = self._jobs.finish(job, "done")
        elif code > 0 or job.attempts >= ATTEMPTS:
            ended = self._jobs.finish(job, "failed", _reason(folder, code))
        else:
            self._jobs.put_back(job, counted=True)
            return
        if ended:
            self._metrics.jobs.labels(job.kind, "done" if code == 0 else "failed").inc()


def _end_process(process: ForkServerProcess) -> None:
    """Ask a command to stop, which keeps its journal, and make it stop where it does not."""
    process.terminate()
    process.join(_STOP_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()


def _reason(folder: Path, code: int) -> str:
    """The one line that the command gave, without where its files lie."""
    text = (folder / "messages.txt").read_text(errors="replace").replace(f"{folder.resolve()}{os.sep}", "")
    lines = [line.removeprefix(_ERROR) for line in text.splitlines() if line.startswith(_ERROR)]
    if code == 1 and lines:
        return lines[-1]
    return f"the job ended unexpectedly (exit status {code}); its operator may find out why"
