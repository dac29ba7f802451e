"""A client comes back where that helps, and only there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from cistron.client.concurrent import AsyncRemoteModel
from cistron.client.connecting import connect
from cistron.client.patience import Patience
from cistron.client.refusals import ServiceError

QUICK = Patience(attempts=4, first_seconds=0.01, longest_seconds=5.0)
ANSWER = b'{"model": "m", "likelihoods": [{"total": -1.5, "bases": 2, "per_base": -0.75}]}'


@pytest.fixture
def service() -> Any:
    """Gives the address of a service that answers with the given statuses, one after another, then well."""
    started: list[HTTPServer] = []

    def start(*statuses: int, headers: dict[str, str] | None = None) -> tuple[str, list[str]]:
        left, keys = list(statuses), []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                keys.append(self.headers.get("Authorization", ""))
                self.rfile.read(int(self.headers["Content-Length"]))
                status = left.pop(0) if left else 200
                body = ANSWER if status == 200 else b'{"detail": "not now"}'
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *parts: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        started.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", keys

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def ask(url: str, **options: Any) -> list[Any]:
    with connect(url, "secret", patience=QUICK, **options) as remote:
        return list(remote.log_likelihood(["ACG"]))


def ask_concurrently(url: str, **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with AsyncRemoteModel(url, "secret", patience=QUICK, **options) as remote:
            return [each async for each in remote.log_likelihood(["ACG"])]

    return asyncio.run(run())


@pytest.mark.parametrize("way", [ask, ask_concurrently])
def test_a_busy_service_is_asked_again(service: Any, way: Callable[..., list[Any]]) -> None:
    url, keys = service(429, 503, 502)
    assert [each.total for each in way(url)] == [-1.5]
    assert keys == ["Bearer secret"] * 4


@pytest.mark.parametrize("way", [ask, ask_concurrently])
def test_a_refusal_is_told_at_once(service: Any, way: Callable[..., list[Any]]) -> None:
    url, keys = service(422)
    with pytest.raises(ServiceError, match=r"refused \(422\): not now") as raised:
        way(url)
    assert (raised.value.status, len(keys)) == (422, 1)


def test_one_who_stays_busy_is_given_up(service: Any) -> None:
    url, keys = service(*[503] * 9)
    with pytest.raises(ServiceError, match="503"):
        ask(url)
    assert len(keys) == 4


def test_one_who_wants_hours_is_not_waited_for(service: Any) -> None:
    url, keys = service(429, headers={"Retry-After": "7200"})
    with pytest.raises(ServiceError, match="429"):
        ask(url)
    assert len(keys) == 1


def test_nobody_there_is_one_line() -> None:
    with pytest.raises(ServiceError, match=r"cannot reach http://127\.0\.0\.1:9: ") as raised:
        ask("http://127.0.0.1:9", timeout=1.0)
    assert "\n" not in str(raised.value)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(ServiceError, match="write http://HOST:PORT"):
        connect("localhost:8080")
