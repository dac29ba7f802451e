"""The service as a process: listening, and stopping without losing anything."""

from __future__ import annotations

import logging
import socket
import sys
from types import FrameType
from typing import Final

import torch
import uvicorn

from cistron.errors import InputError
from cistron.server.app import create_app
from cistron.server.keys import any_key
from cistron.server.protocol import ImpatientProtocol
from cistron.server.service import Service
from cistron.server.settings import Settings

_KEEP_ALIVE: Final = 15
_CONNECTIONS: Final = 512
_HEAD_BYTES: Final = 64 << 10


def serve(settings: Settings) -> None:
    """Listen until a signal comes; then answer what was asked, and put jobs back for the next start.

    Raises:
        InputError: The address is not to be had, or public although no key was ever created.
        CistronError: Something that the settings name cannot be opened.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    server, listening = prepared(settings)
    _log_to_stderr()
    _tell(server.service, listening.getsockname()[1])
    server.run([listening])


def prepared(settings: Settings) -> tuple[Server, socket.socket]:
    """The server that is to run, and the socket it shall listen on; errors are those of `serve`."""
    app = create_app(settings)
    service: Service = app.state.service
    if not settings.is_loopback and not any_key(service.store):
        raise InputError(
            f"{settings.host} can be reached from other machines, and there is no key; make one first: "
            f"cistron keys create NAME --home {settings.home}"
        )
    ImpatientProtocol.head_seconds = settings.limits.read_seconds
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=round(settings.drain_seconds),
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
    return Server(config, service), _listen(settings)


class Server(uvicorn.Server):
    """Tells streams that they shall end when a signal comes; they would keep the process otherwise.

    Args:
        config: What to serve, and how.
        service: What is behind it.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service: Final = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self.service.draining.set()
        super().handle_exit(sig, frame)


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise InputError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another --port"
        ) from None


def _log_to_stderr() -> None:
    """Lines of our own, and warnings of uvicorn; what it says of malformed requests does not quote them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("cistron.server", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def _tell(service: Service, port: int) -> None:
    """One line on where to go, and one where no key is needed."""
    host = f"[{service.settings.host}]" if ":" in service.settings.host else service.settings.host
    print(f"cistron: serving on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201
    if service.is_open:
        print(  # noqa: T201
            "cistron: no key was ever created, so anybody on this machine may ask; "
            f"cistron keys create NAME --home {service.settings.home} changes that",
            file=sys.stderr,
            flush=True,
        )
