"""What a request may carry: how much, how deep, and how slowly."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cistron.server.problems import RefusedError
from cistron.server.settings import Limits

_LEAST_RATE: Final = 8_192
"""Bytes a second that a body must come at, beyond the time that any may take."""

_FORM_ROOM: Final = 1 << 20
"""Bytes of a form beside its file."""

_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[\[\]{}]")


class Bodies:
    """Refuses bodies that are too large, too slow, too deep or compressed.

    Args:
        app: The application behind.
        limits: The limits.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        form = headers.get("content-type", "").startswith("multipart/form-data")
        most = self._limits.upload + _FORM_ROOM if form else self._limits.body
        if headers.get("content-encoding", "identity") != "identity":
            raise RefusedError(415, "send the body as it is: compressed bodies are not read")
        if int(headers.get("content-length") or 0) > most:
            raise RefusedError(413, f"a body of {headers['content-length']} bytes; {most:,} at most")
        body = _Body(receive, most, self._limits.read_seconds)
        if form:
            await self._app(scope, body.receive, send)
            return
        content = await body.whole()
        if (depth := json_depth(content)) > self._limits.depth:
            raise RefusedError(422, f"JSON nested {depth} deep; {self._limits.depth} at most")
        await self._app(scope, _replayed(content, receive), send)


class _Body:
    """A request's body on its way in."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._started, self._bytes, self._complete = time.monotonic(), 0, False

    async def receive(self) -> Message:
        """The next message; a refusal where the body is too long or too slow."""
        if self._complete:
            return await self._receive()
        left = self._seconds + self._bytes / _LEAST_RATE - (time.monotonic() - self._started)
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.0))
        except TimeoutError:
            raise HTTPException(408, "the body came too slowly", {"Connection": "close"}) from None
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._most:
            raise HTTPException(413, f"a body of more than {self._most:,} bytes", {"Connection": "close"})
        return message

    async def whole(self) -> bytes:
        """All of it."""
        parts = []
        while not self._complete:
            parts.append((await self.receive()).get("body", b""))
        return b"".join(parts)


def _replayed(content: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then whatever comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return replay


def json_depth(content: bytes) -> int:
    """How deep brackets are nested outside of strings."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
