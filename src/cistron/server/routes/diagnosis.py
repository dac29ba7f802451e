"""Questions to fused models about one allele. Research use, no diagnosis."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from cistron.genome import Variant
from cistron.server.access import CallerDep, allowed
from cistron.server.diagnosis import Diagnosis, Part, ask_diagnosis, ask_evidence
from cistron.server.diagnosis_forms import (
    AlleleIn,
    BaseEvidenceOut,
    DiagnoseIn,
    DiagnosisOut,
    EvidenceIn,
    known_out,
)
from cistron.server.events import DONE, event, stream
from cistron.server.known import Known
from cistron.server.logs import answer_to
from cistron.server.problems import RefusedError
from cistron.server.questions import (
    Question,
    bases_of,
    question_about_sequences,
    question_about_variant,
)
from cistron.server.routes.sequences import check_sequences
from cistron.server.service import Service, ServiceDep, answered

ROUTER = APIRouter(prefix="/v1", tags=["diagnosis"], dependencies=[allowed("diagnose")])


@ROUTER.post(
    "/diagnose",
    response_model=DiagnosisOut,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def diagnose(body: DiagnoseIn, request: Request, service: ServiceDep, who: CallerDep) -> Any:
    """Ask a fused model about an allele; 501 where none is installed. Research use, not a diagnosis."""
    most = service.settings.limits.spoken
    if body.max_length > most and "max_length" in body.model_fields_set:
        raise RefusedError(413, f"{body.max_length:,} tokens to speak; {most:,} at most")
    question = await _question(service, body)
    await service.charge(who, "diagnose", bases_of(question))
    told: deque[Part] = deque()
    asked = ask_diagnosis(
        service,
        question,
        told.append,
        top=body.top,
        known=body.evidence,
        max_length=min(body.max_length, most),
        **body.model_dump(include={"temperature", "top_p", "top_k", "seed"}),
    )
    if body.stream:
        events = _events(service, question, asked, told)
        return StreamingResponse(stream(service, events, asked.cancel), media_type="text/event-stream")
    found = await answered(request, asked)
    return DiagnosisOut.of(question, service.fusions.installed[question.fusion], found)


@ROUTER.post("/diagnose:evidence")
async def evidence(
    body: EvidenceIn, request: Request, service: ServiceDep, who: CallerDep
) -> BaseEvidenceOut:
    """Tell which bases moved a fused model's answer."""
    most = service.settings.limits.windows
    hides = body.method == "occlusion"
    if hides and body.windows > most and "windows" in body.model_fields_set:
        raise RefusedError(413, f"{body.windows:,} windows; {most:,} at most")
    question = await _question(service, body)
    windows = min(body.windows, most)
    passes = 2 * windows if hides else 1
    await service.charge(who, "diagnose", passes * bases_of(question))
    asked = ask_evidence(service, question, body.answer, body.instead, method=body.method, windows=windows)
    found = (await answered(request, asked)).to_dict()
    chrom, start = question.place or (None, None)
    return BaseEvidenceOut(
        model=question.fusion, question=question.example.question, chrom=chrom, start=start, **found
    )


async def _question(service: Service, body: AlleleIn) -> Question:
    """What is asked, cut and checked; errors are those of the cuts, and of limits (413)."""
    fusion, limits = service.fusions.named(body.model), service.settings.limits
    if body.question and len(body.question) > limits.question:
        raise RefusedError(
            413, f"a question of {len(body.question):,} characters; {limits.question:,} at most"
        )
    if (variant := body.variant) is None:
        reference, changed = body.reference_sequence or "", body.variant_sequence or ""
        check_sequences(service, [reference, changed])
        return await run_in_threadpool(
            question_about_sequences, service, fusion, reference, changed, body.question
        )
    if max(len(variant.ref), len(variant.alt)) > limits.allele:
        raise RefusedError(413, f"an allele of more than {limits.allele:,} bases")
    allele = Variant(variant.chrom, variant.pos, variant.ref, variant.alt)
    genome = service.genome(body.genome)
    return await run_in_threadpool(question_about_variant, service, fusion, genome, allele, body.question)


async def _events(
    service: Service, question: Question, asked: Future[Diagnosis], told: deque[Part]
) -> AsyncIterator[str]:
    """Parts of the answer as they come, the whole of it, and the end."""
    waiting, done = asyncio.wrap_future(asked), False
    while not done:
        done = bool((await asyncio.wait({waiting}, timeout=0.1))[0])
        while told:
            yield _event(told.popleft())
    try:
        installed = service.fusions.installed[question.fusion]
        answer = DiagnosisOut.of(question, installed, waiting.result())
        yield event("answer", answer.model_dump(mode="json"))
    except asyncio.CancelledError:
        yield event("error", {"status": 503, "detail": "the service is stopping"})
    except Exception as error:
        refused = answer_to(error)
        yield event("error", {"status": refused.status, "detail": str(refused)})
    yield DONE


def _event(part: Part) -> str:
    if isinstance(part, str):
        return event("text", {"text": part})
    if isinstance(part, Known):
        return event("evidence", known_out(part).model_dump(mode="json"))
    return event("ranking", {"answer": part[0].label, "ranking": [each._asdict() for each in part]})
