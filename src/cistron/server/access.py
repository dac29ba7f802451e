"""Who may come in: one middleware in front of every route, closed unless something opens it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, params
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cistron.server.keys import Key, any_key, digest, find_key
from cistron.server.problems import RefusedError, too_busy
from cistron.server.rates import Buckets

if TYPE_CHECKING:
    from cistron.server.service import Service

PUBLIC: Final = frozenset({"/", "/health", "/healthz", "/readyz"})
"""Paths that need no key: the page, and whether the service lives."""

PUBLIC_FOLDER: Final = "/assets/"
"""Where the page's files lie."""

_REMEMBERED: Final = 2.0
"""Seconds for which a key that worked is not looked up again; a revoked one works no longer than that."""


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        key: Their key; None on a machine of one's own where no key was ever created.
    """

    key: Key | None

    @property
    def id(self) -> str:
        """What owns their jobs."""
        return "" if self.key is None else self.key.id


def caller(request: Request) -> Caller:
    """Who made a request that came in."""
    found: Caller = request.state.caller
    return found


def allowed(scope: str) -> params.Depends:
    """A dependency that refuses keys without a scope.

    Args:
        scope: One of `cistron.server.keys.SCOPES`.
    """

    def check(who: Annotated[Caller, Depends(caller)]) -> None:
        require_scope(who, scope)

    return params.Depends(check)


def require_scope(who: Caller, scope: str) -> None:
    """Return silently where the caller may do what a scope stands for.

    Raises:
        RefusedError: Their key lacks it (403).
    """
    if who.key is not None and scope not in who.key.scopes:
        raise RefusedError(403, f"key '{who.key.name}' lacks the scope '{scope}'; ask for one that has it")


class Access:
    """Lets in requests with a working key, at the key's rate, and everybody to the public paths.

    While no key was ever created and the service listens to its own machine alone, no key is needed; web
    pages of other origins are kept out then, since browsers would let them in.

    Args:
        app: The application behind.
        service: The service.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._buckets = Buckets()
        self._known: dict[str, tuple[float, Key]] = {}
        self._closed = not service.settings.is_loopback
        self._asked = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and not _is_public(scope["path"]):
            headers = Headers(scope=scope)
            scope.setdefault("state", {})["caller"] = await self._admitted(headers)
            send = _kept_nowhere(send)
        elif scope["type"] == "http":
            send = _as_page(send)
        await self._app(scope, receive, send)

    async def _admitted(self, headers: Headers) -> Caller:
        if not await self._needs_key():
            self._refuse_other_origins(headers)
            return Caller(None)
        key = await self._key(_secret(headers))
        if key is None:
            raise RefusedError(
                401, "a working key is needed: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
            )
        wait = self._buckets.take(key.id, key.per_minute)
        if wait:
            raise too_busy(f"key '{key.name}' may make {key.per_minute:,} requests a minute", wait)
        return Caller(key)

    async def _needs_key(self) -> bool:
        if not self._closed and time.monotonic() - self._asked > _REMEMBERED:
            self._closed = await run_in_threadpool(any_key, self._service.store)
            self._asked = time.monotonic()
        return self._closed

    async def _key(self, secret: str | None) -> Key | None:
        if not secret:
            return None
        name, now = digest(secret), time.monotonic()
        seen = self._known.get(name)
        if seen is not None and now - seen[0] < _REMEMBERED and seen[1].works:
            return seen[1]
        key = await run_in_threadpool(find_key, self._service.store, secret)
        if key is None:
            self._known.pop(name, None)
        else:
            self._known[name] = now, key
        return key

    def _refuse_other_origins(self, headers: Headers) -> None:
        settings = self._service.settings
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if host not in {"localhost", "127.0.0.1", "::1", settings.host}:
            raise RefusedError(
                403, "without keys this service answers to its own machine alone; create a key"
            )
        origin = headers.get("origin")
        own = {f"http://{headers.get('host')}", f"https://{headers.get('host')}", *settings.origins}
        if origin is not None and origin not in own:
            raise RefusedError(403, "without keys this service answers no web page but its own; create a key")


def _kept_nowhere(send: Send) -> Send:
    """Answers that no browser keeps on disk, nor takes for anything else than they say they are."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = "no-store"
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return with_headers


def _as_page(send: Send) -> Send:
    """Answers that browsers ask about again, so that an update is seen, and that no other page frames."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = "no-cache"
            headers["X-Content-Type-Options"] = "nosniff"
            headers["X-Frame-Options"] = "DENY"
        await send(message)

    return with_headers


def _is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(PUBLIC_FOLDER)


def _secret(headers: Headers) -> str | None:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else headers.get("x-api-key")


CallerDep = Annotated[Caller, Depends(caller)]
