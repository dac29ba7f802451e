"""Jobs: a file comes in, is worked on however long it takes, and its result is fetched."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Form, Header, Path, Response, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from cistron.formats.atomic import sha256_file
from cistron.server.access import Caller, CallerDep, allowed, require_scope
from cistron.server.commands import KINDS, REPORT, JobOptions, KindName, input_path
from cistron.server.events import DONE, event, stream
from cistron.server.jobs import Job, State
from cistron.server.problems import RefusedError, invalid
from cistron.server.service import Service, ServiceDep
from cistron.server.tables import blocks_of
from cistron.server.uploads import save, take_sequences, take_variants
from cistron.server.verbs import bases_of_scores

ROUTER = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[allowed("jobs")])

_POLL_SECONDS: Final = 0.25
_OCTETS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}

JobId = Annotated[str, Path(max_length=64, description="As the job's creation told.")]


class JobOut(BaseModel):
    """A job as it stands."""

    id: str
    kind: KindName
    state: State
    model: str
    options: dict[str, Any]
    done: int | None = Field(description="Alleles or sequences that are finished; unknown while it waits.")
    total: int | None = Field(description="Alleles or sequences in all.")
    error: str | None = Field(description="Why it failed.")
    created: float = Field(description="Seconds since 1970, as the other times.")
    started: float | None
    finished: float | None
    result: str | None = Field(description="Path of the result, once there is one.")
    report: str | None = Field(description="Path of the HTML report, where one was asked for.")


class JobsOut(BaseModel):
    """Jobs of the key, newest first."""

    jobs: list[JobOut]


@ROUTER.post("", status_code=202)
async def create(
    service: ServiceDep,
    who: CallerDep,
    response: Response,
    kind: Annotated[KindName, Form(description="What to do with the file.")],
    file: Annotated[UploadFile, File(description="VCF or BCF to score, FASTA otherwise; may be gzip.")],
    options: Annotated[
        str, Form(max_length=10_000, description="JSON: model and the kind's options.")
    ] = "{}",
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> JobOut:
    """Queue a job; the same Idempotency-Key makes one job, however often it is sent."""
    require_scope(who, KINDS[kind].scope)
    made = await run_in_threadpool(_created, service, who, kind, file, options, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{made.id}"
    return _out(service, made)


@ROUTER.get("")
async def list_jobs(service: ServiceDep, who: CallerDep) -> JobsOut:
    """Jobs of the key that asks, newest first."""
    found = await run_in_threadpool(service.jobs.of_owner, who.id)
    return JobsOut(jobs=[_out(service, job) for job in found])


@ROUTER.get("/{job_id}")
async def status(job_id: JobId, service: ServiceDep, who: CallerDep) -> JobOut:
    """How a job stands."""
    return _out(service, await run_in_threadpool(service.jobs.get, who.id, job_id))


@ROUTER.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(job_id: JobId, service: ServiceDep, who: CallerDep) -> StreamingResponse:
    """Server-sent events: the job whenever it changes, until it ends; then [DONE]."""
    await run_in_threadpool(service.jobs.get, who.id, job_id)
    return StreamingResponse(stream(service, _events(service, who, job_id)), media_type="text/event-stream")


@ROUTER.get("/{job_id}/result", response_class=FileResponse, responses=_OCTETS)
async def result(job_id: JobId, service: ServiceDep, who: CallerDep) -> FileResponse:
    """The result's file."""
    job = await run_in_threadpool(_finished, service, who, job_id)
    path = service.jobs.result(job)
    return FileResponse(path, filename=f"{job.kind}-{job.id[:8]}.{job.options['format']}")


@ROUTER.get("/{job_id}/report", response_class=FileResponse, responses=_OCTETS)
async def report(job_id: JobId, service: ServiceDep, who: CallerDep) -> FileResponse:
    """The HTML report, where one was asked for."""
    job = await run_in_threadpool(_finished, service, who, job_id)
    path = service.jobs.folder(job.id) / REPORT
    if not path.is_file():
        raise RefusedError(404, "this job wrote no report; ask for one with the option report")
    return FileResponse(path, filename=f"{job.kind}-{job.id[:8]}.html")


@ROUTER.get(
    "/{job_id}/table",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/tab-separated-values": {"schema": {"type": "string"}}}}},
)
async def table(job_id: JobId, service: ServiceDep, who: CallerDep) -> StreamingResponse:
    """The scores of a VCF as tab-separated text: one row an allele, columns in the first line."""
    job = await run_in_threadpool(_finished, service, who, job_id)
    if job.options["format"] != "vcf.gz":
        raise RefusedError(409, "only results in VCF have a table; fetch the result itself")
    return StreamingResponse(blocks_of(service.jobs.result(job)), media_type="text/tab-separated-values")


@ROUTER.post("/{job_id}/cancel")
async def cancel(job_id: JobId, service: ServiceDep, who: CallerDep) -> JobOut:
    """Stop a job; one that has ended stays as it is."""
    job = await run_in_threadpool(service.jobs.get, who.id, job_id)
    await run_in_threadpool(service.jobs.cancel, job)
    return _out(service, await run_in_threadpool(service.jobs.get, who.id, job_id))


@ROUTER.delete("/{job_id}", status_code=204, response_class=Response)
async def delete(job_id: JobId, service: ServiceDep, who: CallerDep) -> Response:
    """Remove a job and all its files."""
    job = await run_in_threadpool(service.jobs.get, who.id, job_id)
    await run_in_threadpool(service.jobs.delete, job)
    return Response(status_code=204)


def _created(
    service: Service, who: Caller, kind: KindName, file: UploadFile, options: str, request_key: str | None
) -> Job:
    """The queued job; its folder is gone again where anything is wrong."""
    wanted = _options(service, kind, options)
    folder = service.jobs.new_folder()
    try:
        raw = folder / "upload"
        save(file.file, raw, service.settings.limits)
        said = json.dumps([kind, wanted, sha256_file(raw)], sort_keys=True)
        digest = hashlib.sha256(said.encode()).hexdigest()
        if (earlier := service.jobs.earlier(who.id, request_key, digest)) is not None:
            shutil.rmtree(folder)
            return earlier
        total, bases = _taken(service, kind, raw, input_path(folder, kind), wanted)
        raw.unlink()
        service.charge_now(who, kind, bases)
        return service.jobs.add(
            folder.name,
            owner=who.id,
            kind=kind,
            model=wanted["model"],
            options=wanted,
            total=total,
            request_key=request_key,
            request_digest=digest,
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _options(service: Service, kind: KindName, text: str) -> dict[str, Any]:
    """The options of a job, filled in."""
    try:
        given: JobOptions = KINDS[kind].options.model_validate_json(text)
    except ValidationError as error:
        raise RefusedError(
            422, invalid([{**e, "loc": ("options", *e["loc"])} for e in error.errors()])
        ) from None
    found = given.model_dump()
    found["model"] = service.model(found["model"])
    if "genome" in found:
        found["genome"] = service.genome(found["genome"])
    if found.get("consequences") and found["genome"] not in service.genomes.with_transcripts:
        raise RefusedError(
            422, f"no transcripts are installed for '{found['genome']}'; consequences need GFF3 or GTF"
        )
    return found


def _taken(
    service: Service, kind: KindName, raw: FilePath, target: FilePath, options: dict[str, Any]
) -> tuple[int, int]:
    """Items in an upload, which is now the job's input, and the bases that the job takes."""
    limits = service.settings.limits
    if KINDS[kind].variants:
        total = take_variants(raw, target, limits, keep_samples=options["keep_samples"])
        return total, bases_of_scores(service, options["model"], options["width"], total)
    total, bases = take_sequences(raw, target, limits)
    return total, bases if kind != "generate" else total * options["samples"] * options["tokens"]


def _finished(service: Service, who: Caller, job_id: str) -> Job:
    job = service.jobs.get(who.id, job_id)
    if job.state != "done":
        raise RefusedError(
            409, f"the job is {job.state}; there is no result" + (" yet" if job.is_open else "")
        )
    return job


async def _events(service: Service, who: Caller, job_id: str) -> AsyncIterator[str]:
    told = None
    while not service.draining.is_set():
        try:
            job = await run_in_threadpool(service.jobs.get, who.id, job_id)
        except RefusedError:
            yield event("deleted", {"id": job_id})
            break
        if (now := _out(service, job)) != told:
            told = now
            yield event("job", told.model_dump())
        if not job.is_open:
            break
        await asyncio.sleep(_POLL_SECONDS)
    yield DONE


def _out(service: Service, job: Job) -> JobOut:
    done = job.state == "done"
    path = f"/v1/jobs/{job.id}"
    return JobOut(
        id=job.id,
        kind=job.kind,
        state=job.state,
        model=job.model,
        options=dict(job.options),
        done=job.total if done else service.runner.done.get(job.id),
        total=job.total,
        error=job.error,
        created=job.created,
        started=job.started,
        finished=job.finished,
        result=f"{path}/result" if done else None,
        report=f"{path}/report" if done and job.options.get("report") else None,
    )
