"""Long work as rows of a table: a job is queued, leased by one runner at a time, and ends once."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Engine, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from cistron.server.commands import KindName, result_path
from cistron.server.problems import RefusedError, too_busy
from cistron.server.settings import Settings
from cistron.server.store import JOBS, now

State = Literal["queued", "running", "done", "failed", "cancelled"]

OPEN: Final = ("queued", "running")
"""States of jobs that have not ended."""

LEASE_SECONDS: Final = 20.0
"""How long a runner holds a job without renewing its lease."""

ATTEMPTS: Final = 3
"""How often a job is begun that ends for no reason it can name."""

_ID: Final = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes:
        id: 32 hexadecimal digits.
        owner: Id of the key that made it; empty where none was needed.
        kind: One of `cistron.server.commands.KINDS`.
        state: Where it stands.
        model: Name of the model.
        options: Of its kind, filled in.
        total: Alleles or sequences in its input.
        error: Why it failed.
        created: Seconds since 1970, as the other times.
        started: When it began first.
        finished: When it ended.
        attempts: How often it was begun.
        request_digest: What the request looked like that made it.
    """

    id: str
    owner: str
    kind: KindName
    state: State
    model: str
    options: Mapping[str, Any]
    total: int | None
    error: str | None
    created: float
    started: float | None
    finished: float | None
    attempts: int
    request_digest: str | None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN


class Jobs:
    """The jobs in a database, and their folders.

    Args:
        store: The database.
        settings: Folder, limits and time to live.
    """

    def __init__(self, store: Engine, settings: Settings) -> None:
        self._store: Final = store
        self._settings: Final = settings
        settings.jobs_folder.mkdir(parents=True, exist_ok=True)

    def new_folder(self) -> Path:
        """A new job's folder; its name is the job's id."""
        folder = self._settings.jobs_folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def folder(self, job_id: str) -> Path:
        """Where the files of a job lie."""
        return self._settings.jobs_folder / job_id

    def result(self, job: Job) -> Path:
        """Where the result of a job lies, once it is done."""
        return result_path(self.folder(job.id), job.options)

    def add(
        self,
        job_id: str,
        *,
        owner: str,
        kind: KindName,
        model: str,
        options: Mapping[str, Any],
        total: int,
        request_key: str | None,
        request_digest: str,
    ) -> Job:
        """Queue a job whose input lies in its folder; the earlier one where the same request came meanwhile.

        Args:
            job_id: Name of the folder.
            owner: Id of the key that asks.
            kind: One of `cistron.server.commands.KINDS`.
            model: Name of a served model.
            options: Of that kind, filled in.
            total: Alleles or sequences in the input.
            request_key: The client's own name for the request; it makes one job, however often it is sent.
            request_digest: What the request looks like.

        Raises:
            RefusedError: The owner has too many open jobs (429), or another request had the same name (422).
        """
        self._refuse_too_many(owner)
        row = {
            "id": job_id,
            "owner": owner,
            "kind": kind,
            "state": "queued",
            "model": model,
            "options": dict(options),
            "total": total,
            "created": now(),
            "attempts": 0,
            "request_key": request_key,
            "request_digest": request_digest,
        }
        try:
            with self._store.begin() as connection:
                connection.execute(insert(JOBS).values(**row))
        except IntegrityError:
            earlier = self.earlier(owner, request_key, request_digest)
            assert earlier is not None, "only an earlier request can be in the way"
            shutil.rmtree(self.folder(job_id), ignore_errors=True)
            return earlier
        return self.get(owner, job_id)

    def earlier(self, owner: str, request_key: str | None, digest: str) -> Job | None:
        """The job that the same request made before; None where it comes for the first time.

        Raises:
            RefusedError: Another request had the same name (422).
        """
        if request_key is None:
            return None
        found = self._rows(and_(JOBS.c.owner == owner, JOBS.c.request_key == request_key))
        if found and found[0].request_digest != digest:
            raise RefusedError(422, "this Idempotency-Key was used for another request; choose a new one")
        return found[0] if found else None

    def get(self, owner: str, job_id: str) -> Job:
        """A job of that owner.

        Raises:
            RefusedError: There is none.
        """
        found = self._rows(and_(JOBS.c.id == job_id, JOBS.c.owner == owner)) if _ID.fullmatch(job_id) else []
        if not found:
            raise RefusedError(404, "no job of that id; it may have been deleted")
        return found[0]

    def of_owner(self, owner: str, most: int = 200) -> list[Job]:
        """Jobs of an owner, newest first."""
        return self._rows(JOBS.c.owner == owner)[:most]

    def cancel(self, job: Job) -> bool:
        """Stop a job that has not ended; False where it had."""
        return self._move(job.id, OPEN, state="cancelled", finished=now(), lease=None)

    def delete(self, job: Job) -> None:
        """Remove a job that has ended and all its files; cancels it first where it has not."""
        self.cancel(job)
        self._forget([job.id])

    def claim(self, runner: str) -> Job | None:
        """The oldest job that waits, or whose runner has not been heard of, now leased to `runner`."""
        time = now()
        lost = and_(JOBS.c.state == "running", JOBS.c.lease_until < time)
        free = or_(JOBS.c.state == "queued", lost)
        for job in reversed(self._rows(free)):
            if not self.folder(job.id).is_dir():
                continue
            values = {
                "state": "running",
                "lease": runner,
                "lease_until": time + LEASE_SECONDS,
                "started": job.started or time,
                "attempts": job.attempts + 1,
            }
            with self._store.begin() as connection:
                claimed = update(JOBS).where(JOBS.c.id == job.id, free).values(**values)
                if connection.execute(claimed).rowcount:
                    return self._rows(JOBS.c.id == job.id, connection)[0]
        return None

    def renew(self, job: Job, runner: str) -> bool:
        """Keep a lease; False where the job was cancelled, deleted or taken by another runner."""
        mine = and_(JOBS.c.id == job.id, JOBS.c.lease == runner, JOBS.c.state == "running")
        with self._store.begin() as connection:
            renewed = update(JOBS).where(mine).values(lease_until=now() + LEASE_SECONDS)
            return connection.execute(renewed).rowcount == 1

    def finish(self, job: Job, state: State, error: str | None = None) -> bool:
        """End a job; False where it was cancelled meanwhile."""
        return self._move(job.id, ("running",), state=state, error=error, finished=now(), lease=None)

    def put_back(self, job: Job, *, counted: bool) -> bool:
        """Queue a running job again; it goes on where it was.

        Args:
            job: The job.
            counted: Whether the attempt counts; one that the service itself stopped does not.
        """
        attempts = job.attempts if counted else job.attempts - 1
        return self._move(job.id, ("running",), state="queued", lease=None, attempts=attempts)

    def take_up(self) -> None:
        """Queue what an earlier process of this home was running: it is gone, whatever its leases say."""
        for job in self._rows(JOBS.c.state == "running"):
            if self.folder(job.id).is_dir():
                self.put_back(job, counted=False)

    def sweep(self, job_id: str) -> None:
        """Remove what the command of a job wrote after the job was deleted."""
        if not self._rows(JOBS.c.id == job_id):
            shutil.rmtree(self.folder(job_id), ignore_errors=True)

    def clean(self) -> None:
        """Delete jobs that ended long ago, and folders that belong to none."""
        old = now() - self._settings.keep_hours * 3600
        self._forget([job.id for job in self._rows(JOBS.c.finished < old)])
        known = {job.id for job in self._rows(JOBS.c.id.is_not(None))}
        for folder in self._settings.jobs_folder.iterdir():
            if folder.name not in known and folder.stat().st_mtime < now() - 3600:
                shutil.rmtree(folder, ignore_errors=True)

    def ready(self) -> bool:
        """Whether the database answers."""
        with self._store.connect() as connection:
            return connection.execute(select(func.count()).select_from(JOBS)).scalar() is not None

    def _refuse_too_many(self, owner: str) -> None:
        most = self._settings.limits.jobs
        if len(self._rows(and_(JOBS.c.owner == owner, JOBS.c.state.in_(OPEN)))) >= most:
            raise too_busy(f"{most} jobs wait or run already", 30)

    def _move(self, job_id: str, states: Sequence[str], **values: Any) -> bool:
        with self._store.begin() as connection:
            moved = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(states)).values(**values)
            return connection.execute(moved).rowcount == 1

    def _forget(self, ids: Sequence[str]) -> None:
        for job_id in ids:
            shutil.rmtree(self.folder(job_id), ignore_errors=True)
        with self._store.begin() as connection:
            connection.execute(delete(JOBS).where(JOBS.c.id.in_(ids)))

    def _rows(self, where: ColumnElement[bool], connection: Any = None) -> list[Job]:
        """Jobs, newest first."""
        wanted = select(JOBS).where(where).order_by(JOBS.c.created.desc(), JOBS.c.id)
        if connection is not None:
            return [_job(row) for row in connection.execute(wanted).mappings()]
        with self._store.connect() as own:
            return [_job(row) for row in own.execute(wanted).mappings()]


def _job(row: Any) -> Job:
    return Job(**{name: row[name] for name in Job.__dataclass_fields__})
