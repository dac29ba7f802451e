"""What is told of requests: method, route, status, time and key. Nothing of what was asked or answered."""

from __future__ import annotations

import errno
import logging
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from fastapi import HTTPException
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cistron.errors import CistronError
from cistron.server.problems import RefusedError, problem_response, status_of

if TYPE_CHECKING:
    from cistron.server.service import Service

LOG: Final = logging.getLogger("cistron.server")

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Logs:
    """Writes a line for every request, and answers what went wrong unexpectedly.

    Args:
        app: The application behind.
        service: The service.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._metrics = app, service.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            answer = answer_to(error)
            if not status:
                response = problem_response(scope["path"], answer.status, str(answer), answer.headers)
                await response(scope, receive, watched)
        finally:
            self._told(scope, status, time.monotonic() - started)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = route_of(scope), scope["method"]
        who = scope.get("state", {}).get("caller")
        LOG.info("%s %s %d %.0f ms key=%s", method, route, status, seconds * 1000, who.id if who else "-")
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)


def route_of(scope: Scope) -> str:
    """The template of a request's route: paths themselves may hold what was asked."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def answer_to(error: Exception) -> RefusedError:
    """What a caller is told of an error; one that is ours to fix is logged by its place alone."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, CistronError):
        return RefusedError(status_of(error), str(error))
    if isinstance(error, HTTPException):
        return RefusedError(error.status_code, str(error.detail), error.headers)
    if isinstance(error, OperationalError | TimeoutError):
        LOG.warning("the database did not answer: %s", type(error).__name__)
        return RefusedError(503, "the database is busy; ask again in a moment", {"Retry-After": "2"})
    if isinstance(error, OSError) and error.errno in _FULL:
        LOG.warning("the disk is full")
        return RefusedError(507, "the disk of this service is full; tell its operator")
    LOG.error("unexpected %s at %s", type(error).__name__, _place(error))
    return RefusedError(500, "something went wrong inside the service; its log says where")


def _place(error: BaseException) -> str:
    """Files and lines that an error came through; its message may hold what was asked."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)[-6:]
    return " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
