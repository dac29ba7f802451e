"""Jobs: a file in, a file out, the same as the command makes, whatever happens in between."""

from __future__ import annotations

import gzip
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor as Pool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cistron.client.connecting import connect
from cistron.client.patience import Patience
from cistron.client.refusals import ServiceError

OPTIONS = json.dumps({"width": 64})
MANY = list(range(100, 39_000, 30))


def records(content: bytes) -> list[str]:
    """The records of a BGZF VCF."""
    return [line for line in gzip.decompress(content).decode().splitlines() if line[0] != "#"]


@pytest.fixture(scope="module")
def expected(served: Any, command: Any, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What `cistron score` writes for `MANY`."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "in.vcf").write_text(served.vcf(MANY))
    words = [folder / "in.vcf", "-r", served.genome, "-o", folder / "out.vcf.gz", "-m", served.model]
    assert command("score", *words, "--width", 64, "--check-ref", "warn").code == 0
    return records((folder / "out.vcf.gz").read_bytes())


@pytest.fixture(scope="module")
def streamed(served: Any) -> list[Any]:
    """A job that scores `MANY` of two people, as its events told it."""
    text = served.vcf(MANY, samples=("NA12878", "NA12879"))
    job = served.submit(text, options=OPTIONS, headers={"Idempotency-Key": "once"})
    with served.http.stream("GET", f"{served.url}/v1/jobs/{job['id']}/events", timeout=120) as stream:
        lines = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_a_vcf_comes_back_as_the_command_would_write_it(
    served: Any, streamed: list[Any], expected: list[str]
) -> None:
    job = streamed[-1]
    assert (job["state"], job["error"]) == ("done", None)
    assert job["done"] == job["total"] == len(MANY)
    assert records(served.get(job["result"]).content) == expected


def test_progress_never_goes_back(streamed: list[Any]) -> None:
    finished = [state["done"] for state in streamed if state["done"] is not None]
    assert finished == sorted(finished)
    assert finished[-1] == len(MANY)


def test_a_table_has_a_row_for_every_allele(served: Any, streamed: list[Any]) -> None:
    header, *rows = served.get(f"/v1/jobs/{streamed[-1]['id']}/table").text.splitlines()
    assert header.split("\t")[:6] == ["chrom", "pos", "id", "ref", "alt", "llr"]
    assert [int(row.split("\t")[1]) for row in rows] == MANY
    assert all(float(row.split("\t")[5]) for row in rows)


def test_sample_columns_are_dropped_on_arrival(served: Any, streamed: list[Any]) -> None:
    folder = served.home / "jobs" / streamed[-1]["id"]
    assert "NA12878" not in (folder / "input.vcf").read_text()
    assert not (folder / "upload").exists()


def test_an_idempotency_key_makes_one_job(served: Any, streamed: list[Any]) -> None:
    headers = {"Idempotency-Key": "once"}
    text = served.vcf(MANY, samples=("NA12878", "NA12879"))
    assert served.submit(text, options=OPTIONS, headers=headers)["id"] == streamed[-1]["id"]
    other = served.post(
        "/v1/jobs", data={"kind": "score"}, files={"file": ("f", served.vcf([501]))}, headers=headers
    )
    assert other.status_code == 422
    assert "choose a new one" in other.json()["detail"]


def test_a_cancelled_job_stops_and_a_deleted_one_leaves_nothing(served: Any) -> None:
    job = served.submit(served.vcf(list(range(100, 39_000))), options=OPTIONS)
    served.wait(lambda: served.get(f"/v1/jobs/{job['id']}").json()["state"] == "running")
    assert served.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    assert served.get(f"/v1/jobs/{job['id']}/result").status_code == 409
    assert served.http.delete(f"{served.url}/v1/jobs/{job['id']}").status_code == 204
    assert served.get(f"/v1/jobs/{job['id']}").status_code == 404
    served.wait(lambda: not (served.home / "jobs" / job["id"]).exists())


def test_a_job_that_fails_says_why_and_where_nothing_lies(served: Any) -> None:
    text = served.vcf([500]).replace("\t500\t", "\t900000\t")
    options = json.dumps({"width": 64, "check_ref": "error"})
    job = served.finished(served.submit(text, options=options))
    assert job["state"] == "failed"
    assert "900,000" in job["error"] or "900000" in job["error"]
    assert str(served.home) not in job["error"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "empty"),
        ("not a vcf\n", "the uploaded file is not VCF or BCF"),
        ("##fileformat=VCFv4.3\n#CHROM\tPOS\n", "tab-separated line of column names"),
        (b"\x1f\x8b\x08\x00broken", "damaged"),
    ],
)
def test_a_file_that_is_none_is_refused_at_once(served: Any, content: Any, told: str) -> None:
    before = len(list((served.home / "jobs").iterdir()))
    refused = served.post("/v1/jobs", data={"kind": "score"}, files={"file": ("f", content)})
    assert refused.status_code == 422
    assert told in refused.json()["detail"]
    assert str(served.home) not in refused.text
    assert len(list((served.home / "jobs").iterdir())) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{", "JSON"),
        ('{"widht": 64}', "options.widht"),
        ('{"width": 1}', "options.width"),
        ('{"genome": "hg7"}', "no genome is called 'hg7'"),
        ('{"model": "huge"}', "no model is called 'huge'"),
    ],
)
def test_wrong_options_are_refused_at_once(served: Any, options: str, told: str) -> None:
    form = {"kind": "score", "options": options}
    refused = served.post("/v1/jobs", data=form, files={"file": ("f", served.vcf([500]))})
    assert refused.status_code in (404, 422)
    assert told in refused.json()["detail"]


def test_neither_a_kill_nor_a_stop_of_the_service_changes_a_result(
    make_served: Any, tmp_path: Path, expected: list[str]
) -> None:
    served = make_served("killed")
    served.start()
    port = served.url.rpartition(":")[2]
    (tmp_path / "in.vcf").write_text(served.vcf(MANY))
    with connect(served.url, patience=Patience(attempts=500, longest_seconds=0.5)) as remote, Pool(1) as pool:
        asked = pool.submit(
            remote.run_file, "score", tmp_path / "in.vcf", tmp_path / "out.vcf.gz", width=64, check_ref="warn"
        )
        served.wait(lambda: _journal(served) > 4_000)
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
        served.start("--port", port)
        served.wait(lambda: served.get("/v1/jobs").json()["jobs"][0]["done"])
        job = served.get("/v1/jobs").json()["jobs"][0]
        worker = _worker(served, job)
        assert served.end(signal.SIGTERM) == 143
        assert not _lives(worker)
        served.start("--port", port)
        asked.result(300)
    assert records((tmp_path / "out.vcf.gz").read_bytes()) == expected
    assert served.get(f"/v1/jobs/{job['id']}").json()["state"] == "done"


def test_the_client_tells_why_a_file_was_refused(served: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.vcf").write_text("nothing")
    with connect(served.url) as remote, pytest.raises(ServiceError, match="not VCF or BCF"):
        remote.run_file("score", tmp_path / "bad.vcf", tmp_path / "out.vcf.gz")


def test_a_command_can_let_a_service_do_the_work(served: Any, command: Any, tmp_path: Path) -> None:
    (tmp_path / "in.fa").write_text(">a\nACGTTGCA\n>b\nGGCATT\n")
    words = ["embed", tmp_path / "in.fa", "--strands", "both"]
    assert command(*words, "-o", tmp_path / "out.npy", "--server", served.url).code == 0
    assert command(*words, "-o", tmp_path / "own.npy", "-m", served.model).code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), np.load(tmp_path / "own.npy"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["embed", "in.fa", "-o", "out.zarr"], "end its name in .parquet, .npy, .h5ad"),
        (["embed", "in.fa", "-o", "out.npy", "--layer", "1"], "--layer: not with"),
        (
            ["score", "in.vcf", "-r", "hg19", "-o", "out.tsv", "--tag", "A", "--regions", "1:1-9"],
            "--regions, --tag: not",
        ),
        (["generate", "-n", "9", "--prompt", "ACGT", "-o", "out.fa"], "name it with --prompts"),
    ],
)
def test_what_a_service_cannot_do_is_told_before_anything_is_sent(
    command: Any, words: list[str], told: str
) -> None:
    assert told in command(*words, "--server", "http://127.0.0.1:9").error


def test_a_killed_command_is_begun_again(served: Any, expected: list[str]) -> None:
    job = served.submit(served.vcf(MANY), options=OPTIONS)
    served.wait(lambda: _journal(served) > 4_000)
    os.kill(_worker(served, job), signal.SIGKILL)
    job = served.finished(job)
    assert job["state"] == "done", job["error"]
    assert records(served.get(job["result"]).content) == expected


def _journal(served: Any) -> int:
    """Bytes in the journal of the only job that runs."""
    return sum(path.stat().st_size for path in served.home.glob("jobs/*/*.journal"))


def _worker(served: Any, job: Any) -> int:
    """Process of a running job."""
    return int((served.home / "jobs" / job["id"] / "lock").read_text())


def _lives(process: int) -> bool:
    """Whether a process runs; one that has ended may stay in the list until somebody asks how."""
    path = Path(f"/proc/{process}/stat")
    return path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"


def test_consequences_come_with_the_scores(served: Any) -> None:
    assert served.get("/v1/service-info").json()["genomes"][0]["transcripts"] is True
    job = served.submit(served.vcf([500]), options=json.dumps({"width": 64, "consequences": True}))
    assert served.finished(job)["state"] == "done"
    row = served.get(f"/v1/jobs/{job['id']}/table").text.splitlines()[1].split("\t")
    assert row[-2:] == ["PRNP", "intron_variant&non_coding_transcript_variant"]


def test_consequences_without_transcripts_are_refused_at_once(bounded: Any) -> None:
    sent = {"kind": "score", "options": json.dumps({"consequences": True})}
    refused = bounded.http.post("/v1/jobs", data=sent, files={"file": ("f", "##fileformat=VCFv4.3\n")})
    assert refused.status_code == 422
    assert "need GFF3 or GTF" in refused.json()["detail"]
