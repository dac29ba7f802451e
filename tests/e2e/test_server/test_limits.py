"""What is refused, and that refusing it costs nothing and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = "##fileformat=VCFv4.3\n##contig=<ID=20>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def upload(bounded: Any, content: bytes | str, kind: str = "score") -> Any:
    return bounded.http.post("/v1/jobs", data={"kind": kind}, files={"file": ("f", content)})


def records(count: int) -> str:
    return HEADER + "".join(f"20\t{i + 1}\t.\tA\tC\t.\t.\t.\n" for i in range(count))


@pytest.fixture(autouse=True)
def alive(bounded: Any) -> Iterator[None]:
    """After every test the service answers, and no upload lies around."""
    yield
    assert bounded.http.get("/healthz").status_code == 200
    for job in bounded.http.get("/v1/jobs").json()["jobs"]:
        assert bounded.http.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert not list(Path(bounded.service.settings.jobs_folder).iterdir())


def test_a_body_that_says_it_is_too_long_is_not_read(bounded: Any) -> None:
    answer = bounded.raw(
        b"POST /v1/likelihood HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 999999999\r\nConnection: close\r\n\r\n{"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_say_so_is_cut_off(bounded: Any) -> None:
    refused = bounded.http.post("/v1/likelihood", content=(b" " * 1_000 for _ in range(21)))
    assert refused.status_code == 413


def test_deep_json_is_refused_before_it_is_parsed(bounded: Any) -> None:
    for text in ("[" * 10_000, '{"a":' * 9 + "1" + "}" * 9):
        refused = bounded.http.post("/v1/likelihood", content=text)
        assert refused.status_code == 422
        assert "deep" in refused.json()["detail"]
    brackets_in_text = json.dumps({"sequences": ["[[[[[[[[[[[["]})
    assert "deep" not in bounded.http.post("/v1/likelihood", content=brackets_in_text).json()["detail"]


def test_compressed_bodies_are_refused(bounded: Any) -> None:
    sent = gzip.compress(b'{"sequences": ["ACGT"]}')
    assert (
        bounded.http.post("/v1/likelihood", content=sent, headers={"Content-Encoding": "gzip"}).status_code
        == 415
    )


def test_a_head_that_dribbles_is_hung_up_on(bounded: Any) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", bounded.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert connection.recv(100) == b""
    assert 0.5 < time.monotonic() - started < 8


def test_a_second_head_that_dribbles_is_hung_up_on_too(bounded: Any) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", bounded.port), timeout=10) as connection:
        connection.sendall(whole)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(10_000)
        connection.sendall(whole[:20])
        assert connection.recv(10_000) == b""


def test_a_body_that_dribbles_is_answered_408(bounded: Any) -> None:
    answer = bounded.raw(
        b"POST /v1/likelihood HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{"
    )
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET / HTTP/x.y\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST /v1/likelihood HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
        b"POST /v1/likelihood HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_400_or_hung_up_on(bounded: Any, data: bytes) -> None:
    answer = bounded.raw(data)
    assert not answer or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx'),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: \xff\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 2_000 + b"\r\nx\r\n--b--\r\n"),
        ("application/json", b"{"),
        ("application/json", b"\xff\xfe"),
        ("application/x-www-form-urlencoded", b"kind=score&file=x"),
    ],
)
def test_malformed_forms_are_refused(bounded: Any, kind: str, body: bytes) -> None:
    refused = bounded.http.post("/v1/jobs", content=body, headers={"Content-Type": kind})
    assert refused.status_code in (400, 422)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * 50_001, "more than 50,000 bytes"),
        (gzip.compress(HEADER.encode() + b"#" * 2_900_000), "100 times its size"),
        (gzip.compress(HEADER.encode() + b"#" * 4_000_000), "unpacks to more than"),
        (records(51), "51 records; 50 at most"),
        (HEADER + f"20\t1\t.\t{'A' * 101}\tC\t.\t.\t.\n", "an allele of 101 bases; 100 at most"),
    ],
)
def test_files_that_are_too_much_are_refused(bounded: Any, content: Any, told: str) -> None:
    refused = upload(bounded, content)
    assert refused.status_code == 413
    assert told in refused.json()["detail"]


def test_a_sequence_that_is_too_long_is_refused(bounded: Any) -> None:
    assert upload(bounded, ">a\n" + "A" * 5_001 + "\n", "embed").status_code == 413
    assert bounded.http.post("/v1/embeddings", json={"input": "A" * 5_001}).status_code == 413


def test_more_jobs_than_a_key_may_have_are_answered_429(bounded: Any) -> None:
    answers = [upload(bounded, records(1)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_overload_is_answered_429_and_whoever_was_taken_is_answered(bounded: Any) -> None:
    asked = {"sequences": ["ACGT" * 250]}
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: bounded.http.post("/v1/likelihood", json=asked), range(48)))
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 429}
    assert all(int(a.headers["Retry-After"]) > 0 for a in answers if a.status_code == 429)
    totals = [a.json()["likelihoods"][0]["total"] for a in answers if a.status_code == 200]
    assert max(totals) - min(totals) < 1e-2


def test_more_streams_than_allowed_are_answered_429_and_lost_ones_are_forgotten(bounded: Any) -> None:
    job = upload(bounded, records(1)).json()
    path = f"/v1/jobs/{job['id']}/events"
    with bounded.http.stream("GET", path) as one, bounded.http.stream("GET", path) as two:
        held = one.iter_lines(), two.iter_lines()
        assert all(next(lines) for lines in held)
        assert bounded.service.streams == 2
        assert bounded.http.get(path).status_code == 429
    for _ in range(100):
        if not bounded.service.streams:
            break
        time.sleep(0.05)
    assert bounded.service.streams == 0


def test_a_client_that_hangs_up_is_not_waited_for(bounded: Any) -> None:
    body = json.dumps({"prompts": ["ACGT"], "tokens": 1_000, "stream": True}).encode()
    head = b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", bounded.port), timeout=10) as connection:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert b"200 OK" in connection.recv(1_000)
    started = time.monotonic()
    wanted = {"prompts": ["ACGT"], "tokens": 2}
    assert bounded.http.post("/v1/generate", json=wanted).status_code == 200
    assert time.monotonic() - started < 10


CELL = st.text("ACGTN.,<>*[]:;=0123456789chrXY\t\r\x00é", max_size=12)
LINE = st.lists(CELL, min_size=1, max_size=10).map("\t".join)
GOOD = st.tuples(st.integers(-1, 10**12), st.sampled_from(["A", "N", "", "ACGT"]), CELL).map(
    lambda found: f"20\t{found[0]}\t.\t{found[1]}\t{found[2]}\t.\t.\t."
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(GOOD | LINE, max_size=6), cut=st.integers(0, 400), packed=st.booleans())
def test_no_uploaded_vcf_is_the_service_s_fault(
    bounded: Any, lines: list[str], cut: int, packed: bool
) -> None:
    content = (HEADER + "\n".join(lines)).encode()
    content = gzip.compress(content) if packed else content
    answer = upload(bounded, content[:cut] if cut < 60 else content)
    assert answer.status_code in (202, 413, 422), answer.text
    if answer.status_code == 202:
        assert bounded.http.delete(f"/v1/jobs/{answer.json()['id']}").status_code == 204
