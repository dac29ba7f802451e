"""Who may come in: nobody without a key, but for whoever sits at the machine where none was ever created."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from cistron.server.access import PUBLIC

ANY = {"job_id": "0" * 32, "genome": "hg19"}


@pytest.fixture(scope="module")
def closed(make_served: Any, command: Any) -> Any:
    """A service with a key that may do everything, and one that may do nothing but look."""
    found = make_served("closed")
    found.key = new_key(command, found, "all")
    found.powerless = new_key(command, found, "metrics-only", "--scope", "metrics")
    found.start()
    return found


def new_key(command: Any, served: Any, name: str, *more: str) -> str:
    ran = command("keys", "create", name, "--home", served.home, *more)
    assert ran.code == 0, ran.err
    return str(ran.out.decode().strip())


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def routes(served: Any, key: str) -> list[tuple[str, str]]:
    """Method and path of everything that the service can be asked, from its own OpenAPI and beside it."""
    paths = served.get("/openapi.json", headers=bearer(key)).json()["paths"]
    found = [(method.upper(), path.format(**ANY)) for path, methods in paths.items() for method in methods]
    return [*found, ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/nowhere")]


def test_every_route_wants_a_key(closed: Any) -> None:
    found = routes(closed, closed.key)
    assert len(found) > 20
    for method, path in found:
        for headers in ({}, bearer("cistron_wrong"), {"Authorization": closed.key}):
            answer = closed.http.request(method, closed.url + path, headers=headers)
            assert answer.status_code == (200 if path in PUBLIC else 401), (method, path)
            if path not in PUBLIC:
                assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_verb_wants_its_scope(closed: Any) -> None:
    free = {"/v1/models", "/v1/service-info", "/metrics", "/openapi.json", "/docs", "/nowhere", *PUBLIC}
    for method, path in routes(closed, closed.key):
        if path not in free:
            answer = closed.http.request(method, closed.url + path, headers=bearer(closed.powerless))
            assert answer.status_code == 403, (method, path, answer.text)


def test_a_key_opens_in_either_header(closed: Any) -> None:
    assert closed.get("/v1/models", headers=bearer(closed.key)).status_code == 200
    assert closed.get("/v1/models", headers={"X-API-Key": closed.key}).status_code == 200


def test_a_revoked_key_stops_to_work(closed: Any, command: Any) -> None:
    key = new_key(command, closed, "short")
    assert closed.get("/v1/models", headers=bearer(key)).status_code == 200
    assert command("keys", "revoke", "short", "--home", closed.home).code == 0
    time.sleep(2.1)
    assert closed.get("/v1/models", headers=bearer(key)).status_code == 401
    assert "short\trevoked" in command("keys", "list", "--home", closed.home).out.decode()


def test_an_expired_key_does_not_work(closed: Any, command: Any) -> None:
    key = new_key(command, closed, "brief", "--days", "0.000001")
    time.sleep(0.2)
    assert closed.get("/v1/models", headers=bearer(key)).status_code == 401


def test_a_key_has_its_rate(closed: Any, command: Any) -> None:
    key = new_key(command, closed, "slow", "--per-minute", "12")
    answers = [closed.get("/v1/models", headers=bearer(key)) for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    assert refused
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 6


def test_a_key_has_its_bases_a_day(closed: Any, command: Any) -> None:
    key = new_key(command, closed, "frugal", "--bases-per-day", "100")
    body = {"sequences": ["A" * 60]}
    assert closed.post("/v1/likelihood", body, headers=bearer(key)).status_code == 200
    refused = closed.post("/v1/likelihood", body, headers=bearer(key))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    listed = command("keys", "list", "--home", closed.home).out.decode()
    assert re.search(r"frugal\tworks\t.*\t60\t100\n", listed)


def test_jobs_of_one_key_are_not_there_for_another(closed: Any, command: Any) -> None:
    mine, other = (bearer(new_key(command, closed, name)) for name in ("mine", "other"))
    job = closed.submit(closed.vcf([500]), options='{"width": 64}', headers=mine)
    for path in ("", "/events", "/result", "/table", "/report"):
        assert closed.get(f"/v1/jobs/{job['id']}{path}", headers=other).status_code == 404
    assert closed.post(f"/v1/jobs/{job['id']}/cancel", headers=other).status_code == 404
    assert closed.http.delete(f"{closed.url}/v1/jobs/{job['id']}", headers=other).status_code == 404
    assert closed.get("/v1/jobs", headers=other).json() == {"jobs": []}
    assert closed.http.delete(f"{closed.url}/v1/jobs/{job['id']}", headers=mine).status_code == 204


def test_only_a_digest_of_a_key_is_kept(closed: Any) -> None:
    kept = b"".join(path.read_bytes() for path in closed.home.glob("cistron.sqlite*"))
    assert closed.key.encode() not in kept
    assert closed.key.removeprefix("cistron_").encode() not in kept


def test_without_any_key_the_service_says_that_it_is_open(served: Any) -> None:
    assert any("anybody on this machine may ask" in line for line in served.lines)
    assert served.get("/v1/models").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Host": "rebound.example"}, {"Origin": "null"}]
)
def test_without_any_key_pages_of_other_origins_stay_out(served: Any, headers: dict[str, str]) -> None:
    assert served.get("/v1/models", headers=headers).status_code == 403


def test_the_service_s_own_page_comes_in(served: Any) -> None:
    assert served.get("/v1/models", headers={"Origin": served.url}).status_code == 200


def test_a_public_address_is_refused_without_keys(command: Any, tmp_path: Any) -> None:
    ran = command("serve", "--home", tmp_path, "--host", "0.0.0.0", "--port", "0")
    assert ran.error.startswith("0.0.0.0 can be reached from other machines, and there is no key")


def test_answers_are_kept_nowhere(closed: Any) -> None:
    answer = closed.get("/v1/models", headers=bearer(closed.key))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_cross_origin_requests_are_off(closed: Any) -> None:
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = closed.http.options(closed.url + "/v1/likelihood", headers=headers)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "  "), "a key needs a name"),
        (("create", "x", "--scope", "scor"), "no scope is called 'scor'; did you mean score?"),
        (("create", "x", "--days", "-1"), "limits must be more than 0"),
        (("revoke", "nobody"), "no key is called 'nobody'"),
    ],
)
def test_a_wrong_key_command_says_so(command: Any, tmp_path: Any, words: Any, told: str) -> None:
    assert told in command("keys", *words, "--home", tmp_path).error


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--genome", "hg19"), "--genome hg19: write NAME=WHAT"),
        (("--genome", "hg19=nowhere.fa"), "there is no such file"),
        (("-m", "a=default", "-m", "a=default"), "'a' comes twice"),
        (("--memory", "much"), "write a number of bytes such as 8G"),
        (("--database", "nonsense"), "cannot use the database"),
        (("--head", "tracks=."), "is not a head folder"),
        (("--fusion", "kegg=."), "is no fused model"),
        (("--language", "kegg=x.gguf"), "no fused model is called 'kegg'"),
    ],
)
def test_a_wrong_option_of_serve_says_so(command: Any, tmp_path: Any, words: Any, told: str) -> None:
    assert told in command("serve", "--home", tmp_path, *words).error
