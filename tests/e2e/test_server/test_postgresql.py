"""The service with its tables in PostgreSQL, on a cluster that lives as long as these tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

OWNER = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root."""

OPTIONS = json.dumps({"width": 64})


@dataclass
class Cluster:
    """A PostgreSQL of its own."""

    binaries: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """As an operator writes it."""
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def run(self, name: str, *words: str) -> None:
        """One of PostgreSQL's programs."""
        command = [str(self.binaries / name), "-D", str(self.folder / "data"), *words]
        subprocess.run(command, check=True, capture_output=True, user=OWNER, cwd=self.folder)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = f"-h 127.0.0.1 -p {self.port} -c fsync=off -c unix_socket_directories="
        self.run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it and cut whoever is connected."""
        self.run("pg_ctl", "-w", "-m", "fast", "stop")


def binaries() -> Path | None:
    """Where PostgreSQL's programs lie."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster that anybody on this machine may ask."""
    place = binaries()
    if place is None:
        pytest.skip("PostgreSQL is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        if OWNER:
            shutil.chown(folder, OWNER)
        made = Cluster(place, Path(folder), port)
        made.run("initdb", "-U", "tester", "-A", "trust", "-N")
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def kept(cluster: Cluster, make_served: Any, command: Any) -> Any:
    """A service that keeps its tables there, and a key of it."""
    found = make_served("postgresql", "--database", cluster.url)
    created = command("keys", "create", "anna", "--home", found.home, "--database", cluster.url)
    assert created.code == 0, created.err
    found.start()
    found.http.headers["Authorization"] = f"Bearer {created.out.decode().strip()}"
    return found


def test_keys_are_kept_in_postgresql(kept: Any, cluster: Cluster, command: Any) -> None:
    assert httpx.get(kept.url + "/v1/models").status_code == 401
    assert kept.get("/v1/models").status_code == 200
    assert not (kept.home / "cistron.sqlite").exists()
    listed = command("keys", "list", "--home", kept.home, "--database", cluster.url).out.decode()
    assert "anna" in listed


def test_the_same_request_makes_one_job_and_a_kill_does_not_lose_it(kept: Any) -> None:
    content = kept.vcf(list(range(100, 20_000, 50)))
    first = kept.submit(content, options=OPTIONS, headers={"Idempotency-Key": "once"})
    again = kept.submit(content, options=OPTIONS, headers={"Idempotency-Key": "once"})
    assert again["id"] == first["id"]
    kept.wait(lambda: kept.get(f"/v1/jobs/{first['id']}").json()["state"] == "running")
    assert kept.end(signal.SIGKILL) == -signal.SIGKILL
    kept.start()
    job = kept.finished(first)
    assert (job["state"], job["done"]) == ("done", job["total"])


def test_the_service_outlives_its_database(kept: Any, cluster: Cluster) -> None:
    cluster.stop()
    try:
        refused = kept.get("/v1/jobs")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        cluster.start()
    assert kept.get("/v1/jobs").status_code == 200


def test_a_database_that_is_not_there_is_one_line(command: Any, cluster: Cluster, tmp_path: Path) -> None:
    words = ["keys", "list", "--home", tmp_path, "--database", cluster.url + "_of_another_name"]
    ran = command(*words)
    assert ran.code == 1
    assert ran.err.startswith("cistron: cannot open the database:")
    assert ran.err.count("\n") == 1
