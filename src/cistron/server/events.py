"""Server-sent events.

Source: the WHATWG HTML standard, section 9.2.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cistron.server.problems import RefusedError, too_busy

if TYPE_CHECKING:
    from cistron.server.service import Service

DONE: Final = "data: [DONE]\n\n"
"""The last event of every stream."""

_STILL_HERE: Final = ": still here\n\n"
_QUIET_SECONDS: Final = 10.0


def event(name: str, data: Any) -> str:
    """One event whose data is JSON."""
    return f"event: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n"


def stream(
    service: Service, events: AsyncIterator[str], forget: Callable[[], object] = lambda: None
) -> AsyncIterator[str]:
    """The events, with a comment now and then while nothing happens, so that a lost client is noticed.

    Args:
        service: Counts open streams.
        events: What to send.
        forget: Called when the client is gone.

    Raises:
        RefusedError: Too many streams are open (429).
    """
    most = service.settings.limits.streams
    if service.streams >= most:
        forget()
        raise too_busy(f"{most} streams are open already", 5)
    return _kept_alive(service, events, forget)


async def _kept_alive(
    service: Service, events: AsyncIterator[str], forget: Callable[[], object]
) -> AsyncIterator[str]:
    following: asyncio.Future[str] | None = None
    service.streams += 1
    try:
        while True:
            following = following or asyncio.ensure_future(anext(events))
            if not (await asyncio.wait({following}, timeout=_QUIET_SECONDS))[0]:
                yield _STILL_HERE
                continue
            sent, following = following, None
            try:
                yield sent.result()
            except StopAsyncIteration:
                return
    finally:
        service.streams -= 1
        forget()
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, RefusedError):
                await following
