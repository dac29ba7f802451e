"""What goes wrong around the service: the disk, the database, and what must never be in its log."""

from __future__ import annotations

import json
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

OPTIONS = json.dumps({"width": 64})
SECRET = "ACCATTGGACCATAGGCATTAACCGGTTAGGACT"
PLACE = 31_417


@contextmanager
def full_disk(served: Any, most: int) -> Iterator[None]:
    """No file of the service can grow beyond so many bytes."""
    no_limit = resource.RLIM_INFINITY
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (most, no_limit))
    try:
        yield
    finally:
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (no_limit, no_limit))


def test_a_full_disk_is_answered_507_and_passes(served: Any) -> None:
    before = set((served.home / "jobs").iterdir())
    text = served.vcf(list(range(100, 20_000)))
    with full_disk(served, 100_000):
        refused = served.post("/v1/jobs", data={"kind": "score"}, files={"file": ("f", text)})
        assert refused.status_code == 507
        assert "disk" in refused.json()["detail"]
        assert served.post("/v1/likelihood", {"sequences": ["ACGT"]}).status_code == 200
    assert set((served.home / "jobs").iterdir()) == before
    job = served.finished(served.submit(served.vcf([500]), options=OPTIONS))
    assert job["state"] == "done"


def test_a_locked_database_is_answered_503_and_passes(served: Any) -> None:
    with closing(sqlite3.connect(served.home / "cistron.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        form = {"data": {"kind": "score", "options": OPTIONS}, "files": {"file": ("f", served.vcf([500]))}}
        refused = served.post("/v1/jobs", **form)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert served.post("/v1/likelihood", {"sequences": ["ACGT"]}).status_code == 200
        other.rollback()
    job = served.finished(served.submit(served.vcf([500]), options=OPTIONS))
    assert job["state"] == "done"


@pytest.fixture
def asked(served: Any) -> list[str]:
    """Everything the service wrote, after it was asked about a sequence and a place in every way there is."""
    variant = served.variant(PLACE)
    for path, body in (
        ("/v1/likelihood", {"sequences": [SECRET]}),
        ("/v1/likelihood", {"sequences": [SECRET + "!"]}),
        ("/v1/embeddings", {"input": SECRET, "layers": [SECRET]}),
        ("/v1/generate", {"prompts": [SECRET], "tokens": 3}),
        ("/v1/generate", {"prompts": [SECRET], "tokens": 10**9}),
        ("/v1/variants:score", {"variants": [variant], "width": 64}),
        ("/v1/variants:score", {"variants": [{**variant, "ref": SECRET}], "width": 64}),
        ("/v1/variants:score", {"variants": [{**variant, "pos": f"{PLACE}x"}]}),
        ("/api/aigateway/genos/variant_predict", {"assembly": "hg19", **variant}),
        ("/api/aigateway/genos/embedding", {"sequence": SECRET}),
        (f"/{SECRET}/{PLACE}", {}),
    ):
        served.post(path, body)
    served.get(f"/v1/genomes/hg19/bases?chrom=20&start={PLACE}&end={PLACE + 1}")
    served.get(f"/v1/genomes/{SECRET}/genes?chrom=20&start={PLACE}&end={PLACE + 1}")
    text = served.vcf([PLACE])
    wrong = text.replace("\t.\t.\t.\n", f"\t.\t.\t{SECRET}\n").replace("20\t3", "20\t9")
    strict = json.dumps({"width": 64, "check_ref": "error"})
    fasta = f">x{PLACE}\n{SECRET}\n"
    for kind, options, content in (
        ("score", strict, text),
        ("score", strict, wrong),
        ("score", strict, text[:-9]),
        ("score", strict, fasta),
        ("embed", "{}", fasta),
        ("embed", "{}", text),
    ):
        sent = served.post(
            "/v1/jobs", data={"kind": kind, "options": options}, files={"file": (SECRET, content)}
        )
        if sent.status_code == 202:
            served.finished(sent.json())
    return list(served.lines)


def test_the_log_holds_nothing_genetic(asked: list[str]) -> None:
    log = "".join(asked)
    assert "POST /v1/variants:score 200" in log
    assert "POST unknown 405" in log
    assert SECRET not in log
    assert str(PLACE) not in log
    assert f"{PLACE:,}" not in log


def test_memory_is_flat_over_many_requests(served: Any) -> None:
    def ask(times: int) -> None:
        for i in range(times):
            served.post("/v1/likelihood", {"sequences": ["ACGT"[i % 4] * (10 + i % 50)]})

    ask(50)
    before = _resident(served.process.pid)
    ask(120)
    assert _resident(served.process.pid) - before < 20 << 20


def _resident(process: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()
