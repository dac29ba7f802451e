"""What all routes share."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from cistron.inference.load import pick_device
from cistron.inference.score import batch_tokens_on
from cistron.server.access import Caller
from cistron.server.fusions import Fusions
from cistron.server.genomes import Genomes
from cistron.server.heads import Heads
from cistron.server.jobs import Jobs
from cistron.server.keys import any_key, spend
from cistron.server.memory import Memory
from cistron.server.metrics import Metrics
from cistron.server.problems import RefusedError, not_served, too_busy
from cistron.server.residents import Residents
from cistron.server.runner import Runner
from cistron.server.scheduler import Lane
from cistron.server.settings import Settings
from cistron.server.store import open_store

T = TypeVar("T")

_BATCHES: Final = 4
"""Batches of the device that are taken from the queue at a time: more would only make the first wait."""

_POLL_SECONDS: Final = 0.5


class Service:
    """Everything behind the routes.

    Args:
        settings: What the operator decided.

    Attributes:
        settings: The same.
        store: The database.
        metrics: Numbers for Prometheus.
        genomes: References.
        residents: Models.
        fusions: Fused models.
        heads: What was trained on top of them.
        quick: Lane of requests that take well under a second.
        slow: Lane of generation, of questions to fused models, and of maps of a region.
        jobs: Long work.
        draining: Set when the service is about to stop.
    """

    def __init__(self, settings: Settings) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self.settings: Final = settings
        self.store: Final = open_store(settings.database_url)
        self.metrics: Final = Metrics()
        self.genomes: Final = Genomes(settings.genomes, settings.annotations)
        memory = Memory(settings.memory, self.metrics)
        self.residents: Final = Residents(settings, memory)
        self.fusions: Final = Fusions(settings, memory)
        self.heads: Final = Heads(settings)
        tokens = _BATCHES * batch_tokens_on(pick_device(settings.device).type)
        self.quick: Final = Lane("quick", self.metrics, settings.limits.queue, tokens)
        self.slow: Final = Lane("slow", self.metrics, settings.limits.queue, tokens)
        self.jobs: Final = Jobs(self.store, settings)
        self.runner: Final = Runner(self.jobs, settings, self.metrics)
        self.draining: Final = threading.Event()
        self.streams = 0

    @property
    def is_open(self) -> bool:
        """Whether no key is needed: none was ever created, and only this machine can connect."""
        return self.settings.is_loopback and not any_key(self.store)

    def start(self) -> None:
        """Take up jobs that an earlier process left, and new ones."""
        self.runner.start()

    def stop(self) -> None:
        """Finish what is asked, put jobs back into their queue, and close the database."""
        self.draining.set()
        self.runner.stop()
        for lane in (self.quick, self.slow):
            lane.stop(self.settings.drain_seconds)
        self.store.dispose()

    def model(self, name: str | None) -> str:
        """The name of a served model for what a request calls it; the first one when it names none.

        Raises:
            RefusedError: None is called so.
        """
        found = self.settings.model_named(name)
        if found is None:
            raise not_served("model", name or "", self.settings.models)
        return found

    def genome(self, name: str | None) -> str:
        """The name of a served genome; the only one when a request names none.

        Raises:
            RefusedError: None is called so, or there are several and none is named.
        """
        names = self.genomes.names
        if name is None and len(names) == 1:
            return names[0]
        if name is None:
            raise RefusedError(422, f"name a genome: {', '.join(names) or 'none is installed'}")
        self.genomes.path(name)
        return name

    async def charge(self, who: Caller, verb: str, bases: int) -> None:
        """Count bases against the caller's day; errors are those of `charge_now`."""
        if who.key is None:
            self.metrics.bases.labels(verb).inc(bases)
        else:
            await run_in_threadpool(self.charge_now, who, verb, bases)

    def charge_now(self, who: Caller, verb: str, bases: int) -> None:
        """Count bases against the caller's day.

        Raises:
            RefusedError: That is more than their quota (429).
        """
        if who.key is not None and not spend(self.store, who.key, bases):
            now = datetime.now(UTC)
            tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            raise too_busy(
                f"key '{who.key.name}' may ask for {who.key.bases_per_day:,} bases a day; here are {bases:,}",
                (tomorrow - now).total_seconds() + 1,
            )
        self.metrics.bases.labels(verb).inc(bases)


async def answered(request: Request, future: Future[T]) -> T:
    """The answer of a lane; forgotten where the client hangs up first.

    Raises:
        RefusedError: The client is gone, or the service stopped before it came to this.
    """
    waiting = asyncio.wrap_future(future)
    while not (await asyncio.wait({waiting}, timeout=_POLL_SECONDS))[0]:
        if await request.is_disconnected():
            future.cancel()
            raise RefusedError(408, "the client hung up")
    if waiting.cancelled():
        raise RefusedError(503, "the service is stopping; ask again in a moment", {"Retry-After": "5"})
    return waiting.result()


def service_of(request: Request) -> Service:
    """The service behind a request."""
    found: Service = request.app.state.service
    return found


ServiceDep = Annotated[Service, Depends(service_of)]
