"""Generation: sequences continued, whole or as they are finished."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from cistron.inference.generate import Generated, Refusal
from cistron.server.access import CallerDep, allowed
from cistron.server.events import DONE, event, stream
from cistron.server.logs import answer_to
from cistron.server.problems import RefusedError
from cistron.server.routes.sequences import Sequence, check_sequences
from cistron.server.service import ServiceDep, answered
from cistron.server.verbs import ask_sequences

ROUTER = APIRouter(prefix="/v1", tags=["generation"], dependencies=[allowed("generate")])


class GenerateIn(BaseModel):
    """Prompts to continue."""

    model_config = ConfigDict(extra="forbid")

    prompts: list[Sequence] = Field(min_length=1)
    tokens: int = Field(ge=1, description="Bases to generate behind each prompt.")
    samples: int = Field(1, ge=1, description="Sequences for each prompt.")
    temperature: float = Field(1.0, ge=0, le=100)
    top_k: int | None = Field(None, ge=1, le=1_000)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int = Field(0, ge=0, lt=2**63)
    model: str | None = Field(None, max_length=200)
    stream: bool = Field(False, description="Server-sent events: progress, then sequences, then [DONE].")


class GeneratedOut(BaseModel):
    """A sequence, or why it is not given out."""

    prompt_index: int
    sample_index: int
    continuation: str | None = Field(description="What was generated; missing where it was refused.")
    log_likelihood: float | None = Field(description="Of the continuation given the prompt, in nats.")
    screening: Literal["passed", "unscreened", "refused"] = Field(
        description="Whether a screen looked at it."
    )
    screened_by: list[str] = []
    refused: str | None = Field(None, description="Why it was refused.")


class GeneratedsOut(BaseModel):
    """Sequences in order of prompt and sample."""

    model: str
    sequences: list[GeneratedOut]


@ROUTER.post(
    "/generate",
    response_model=GeneratedsOut,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def generate(body: GenerateIn, request: Request, service: ServiceDep, who: CallerDep) -> Any:
    """Continue sequences: the same seed gives the same sequences."""
    model = service.model(body.model)
    check_sequences(service, body.prompts)
    wanted, most = len(body.prompts) * body.samples * body.tokens, service.settings.limits.generated
    if wanted > most:
        raise RefusedError(413, f"{wanted:,} bases to generate; {most:,} at most, or make it a job")
    await service.charge(who, "generate", wanted)
    options = body.model_dump(include={"tokens", "samples", "temperature", "top_k", "top_p", "seed"})
    done = 0

    def progress(bases: int) -> None:
        nonlocal done
        done += bases

    asked = ask_sequences(service, model, body.prompts, options, progress)
    if body.stream:
        events = _events(asked, lambda: {"done": done, "total": wanted})
        return StreamingResponse(stream(service, events, asked.cancel), media_type="text/event-stream")
    return GeneratedsOut(model=model, sequences=[_out(each) for each in await answered(request, asked)])


async def _events(asked: Future[list[Generated | Refusal]], state: Any) -> AsyncIterator[str]:
    """Progress while it changes, every sequence, and the end.

    A screen judges whole sequences, so none is given out before it is complete.
    """
    waiting, told = asyncio.wrap_future(asked), None
    while not (await asyncio.wait({waiting}, timeout=0.25))[0]:
        if state() != told:
            told = state()
            yield event("progress", told)
    try:
        for each in waiting.result():
            yield event("sequence", json.loads(_out(each).model_dump_json()))
    except asyncio.CancelledError:
        yield event("error", {"status": 503, "detail": "the service is stopping"})
    except Exception as error:
        answer = answer_to(error)
        yield event("error", {"status": answer.status, "detail": str(answer)})
    yield DONE


def _out(found: Generated | Refusal) -> GeneratedOut:
    where: dict[str, Any] = {"prompt_index": found.prompt_index, "sample_index": found.sample_index}
    if isinstance(found, Refusal):
        return GeneratedOut(
            **where, continuation=None, log_likelihood=None, screening="refused", refused=found.reason
        )
    return GeneratedOut(
        **where,
        continuation=found.continuation,
        log_likelihood=found.log_likelihood,
        screening="passed" if found.screened_by else "unscreened",
        screened_by=list(found.screened_by),
    )
