"""Jobs in a real SQLite database: each is leased once at a time, and ends once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from cistron.server.jobs import Job, Jobs
from cistron.server.problems import RefusedError
from cistron.server.settings import Limits, Settings
from cistron.server.store import JOBS, open_store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = open_store(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield found
    found.dispose()


@pytest.fixture
def jobs(store: Engine, tmp_path: Path) -> Jobs:
    return Jobs(store, Settings(tmp_path, keep_hours=1, limits=Limits(jobs=3)))


def add(jobs: Jobs, owner: str = "me", key: str | None = None, digest: str = "d") -> Job:
    folder = jobs.new_folder()
    return jobs.add(
        folder.name,
        owner=owner,
        kind="score",
        model="m",
        options={"format": "vcf.gz"},
        total=1,
        request_key=key,
        request_digest=digest,
    )


def change(store: Engine, **values: Any) -> None:
    with store.begin() as connection:
        connection.execute(update(JOBS).values(**values))


def test_many_runners_share_jobs_without_any_done_twice(jobs: Jobs) -> None:
    made = [add(jobs, owner=str(i)) for i in range(12)]
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda i: jobs.claim(f"runner {i}"), range(24)))
    taken = [job.id for job in claimed if job is not None]
    assert sorted(taken) == sorted(job.id for job in made)


def test_jobs_are_taken_in_order(jobs: Jobs) -> None:
    made = [add(jobs).id for _ in range(3)]
    assert [jobs.claim("r").id for _ in made] == made  # type: ignore[union-attr]
    assert jobs.claim("r") is None


def test_a_job_whose_runner_is_silent_is_taken_by_another(jobs: Jobs, store: Engine) -> None:
    job = add(jobs)
    assert jobs.claim("first") is not None
    assert jobs.claim("second") is None
    change(store, lease_until=0.0)
    again = jobs.claim("second")
    assert again is not None
    assert (again.id, again.attempts) == (job.id, 2)
    assert not jobs.renew(again, "first")
    assert jobs.renew(again, "second")


def test_a_cancelled_job_cannot_finish(jobs: Jobs) -> None:
    job = add(jobs)
    jobs.claim("r")
    assert jobs.cancel(job)
    assert not jobs.renew(job, "r")
    assert not jobs.finish(job, "done")
    assert jobs.get("me", job.id).state == "cancelled"
    assert not jobs.cancel(job)


def test_what_an_earlier_process_ran_waits_again_and_costs_no_attempt(jobs: Jobs) -> None:
    job = add(jobs)
    jobs.claim("r")
    jobs.take_up()
    assert (jobs.get("me", job.id).state, jobs.get("me", job.id).attempts) == ("queued", 0)


def test_an_owner_has_so_many_open_jobs_and_others_are_not_concerned(jobs: Jobs) -> None:
    for _ in range(3):
        add(jobs)
    with pytest.raises(RefusedError) as refused:
        add(jobs)
    assert refused.value.status == 429
    assert add(jobs, owner="you").state == "queued"


def test_the_same_request_is_the_same_job_for_its_owner_alone(jobs: Jobs) -> None:
    first = add(jobs, key="k")
    again = add(jobs, key="k")
    other = add(jobs, owner="you", key="k")
    assert first.id == again.id != other.id
    assert len(list(jobs.folder(first.id).parent.iterdir())) == 2
    assert jobs.earlier("me", "k", "d") == jobs.get("me", first.id)
    assert jobs.earlier("me", "new", "d") is jobs.earlier("me", None, "d") is None
    with pytest.raises(RefusedError, match="choose a new one"):
        add(jobs, key="k", digest="other")


@pytest.mark.parametrize("job_id", ["../../etc", "", "x" * 32, "0" * 32])
def test_an_id_that_is_none_finds_nothing(jobs: Jobs, job_id: str) -> None:
    with pytest.raises(RefusedError) as refused:
        jobs.get("me", job_id)
    assert refused.value.status == 404


def test_old_jobs_and_folders_of_none_are_deleted(jobs: Jobs, store: Engine) -> None:
    job = add(jobs)
    jobs.claim("r")
    jobs.finish(job, "done")
    stray = jobs.new_folder()
    os.utime(stray, (0, 0))
    jobs.clean()
    assert jobs.folder(job.id).exists()
    assert not stray.exists()
    change(store, finished=1.0)
    jobs.clean()
    assert not jobs.folder(job.id).exists()
    assert jobs.of_owner("me") == []
