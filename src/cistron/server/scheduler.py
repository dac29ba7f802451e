"""Small requests in front of the models: whatever waits when a model is free runs together.

Verbs give the same answers whatever runs beside them, so requests of several clients share batches freely.
There is no waiting for company: an idle model starts at once, and what arrives meanwhile is the next batch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from cistron.server.batches import Request, pick
from cistron.server.metrics import Metrics
from cistron.server.problems import RefusedError, too_busy

_SMOOTHING: Final = 0.2


class Lane:
    """One thread that answers requests, the longest waiting first, several of a kind at a time.

    Args:
        name: For metrics.
        metrics: Where sizes and waits are told.
        most: Requests that may wait.
        batch_tokens: Most tokens in a batch.
    """

    def __init__(self, name: str, metrics: Metrics, most: int, batch_tokens: int) -> None:
        self._name, self._metrics = name, metrics
        self._most, self._batch_tokens = most, batch_tokens
        self._waiting: list[Request] = []
        self._changed = threading.Condition()
        self._seconds = 0.05
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name=f"lane-{name}", daemon=True)
        metrics.queue.labels(name).set_function(lambda: len(self._waiting))
        self._thread.start()

    def submit(
        self,
        kind: Hashable,
        items: Sequence[Any],
        longest: int,
        run: Callable[[Sequence[Any]], list[Any]],
    ) -> Future[list[Any]]:
        """Queue a request; arguments are those of `Request`. Cancel the future when nobody waits any more.

        Raises:
            RefusedError: The queue is full (429), or the service stops (503).
        """
        request = Request(kind, items, longest, run)
        with self._changed:
            if self._stopped:
                raise RefusedError(
                    503, "the service is stopping; ask again in a moment", {"Retry-After": "5"}
                )
            self._waiting = [other for other in self._waiting if not other.answer.cancelled()]
            if len(self._waiting) >= self._most:
                raise too_busy("too many requests wait for the model", len(self._waiting) * self._seconds)
            self._waiting.append(request)
            self._changed.notify()
        return request.answer

    def stop(self, seconds: float) -> None:
        """Take nothing more, finish what waits within so many seconds, and refuse the rest."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            for request in self._waiting:
                request.answer.cancel()
            self._waiting = []

    def _work(self) -> None:
        while batch := self._next():
            started = time.monotonic()
            self._metrics.batch.labels(self._name).observe(len(batch))
            _answer(batch)
            each = (time.monotonic() - started) / len(batch)
            self._seconds += _SMOOTHING * (each - self._seconds)

    def _next(self) -> list[Request]:
        """The next batch; none when the lane is stopped and nothing waits."""
        with self._changed:
            while True:
                self._waiting = [request for request in self._waiting if not request.answer.cancelled()]
                if self._waiting:
                    chosen = pick(self._waiting, self._batch_tokens)
                    self._waiting = [request for request in self._waiting if request not in chosen]
                    running = [r for r in chosen if r.answer.set_running_or_notify_cancel()]
                    if running:
                        return running
                    continue
                if self._stopped:
                    return []
                self._changed.wait()


def _answer(batch: Sequence[Request]) -> None:
    """Run a batch; where it fails, each request alone, so that one bad request spoils no other."""
    try:
        found = batch[0].run([item for request in batch for item in request.items])
    except Exception as error:
        if len(batch) == 1:
            batch[0].answer.set_exception(error)
            return
        for request in batch:
            _answer([request])
        return
    start = 0
    for request in batch:
        request.answer.set_result(found[start : start + len(request.items)])
        start += len(request.items)
