"""The path of Genos' web application for disease reasoning, answered by an installed fused model.

Source: the original's service. Body, answer and statuses are its own; `max_length` and `temperature`,
    which it takes and ignores, count here.
"""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from cistron.server.access import CallerDep, allowed
from cistron.server.diagnosis_forms import DiagnoseIn
from cistron.server.problems import RefusedError
from cistron.server.routes.diagnosis import diagnose
from cistron.server.service import ServiceDep

ROUTER = APIRouter(tags=["diagnosis"], dependencies=[allowed("diagnose")])


class AskIn(BaseModel):
    """Two sequences and a question, as the original's clients send them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference_sequence": "ACGTACGTTGCATGCAAGTC",
                    "variant_sequence": "ACGTACGTTGTATGCAAGTC",
                    "question": "What disease does this allele contribute to?",
                }
            ]
        }
    )

    reference_sequence: str = Field(min_length=1)
    variant_sequence: str = Field(min_length=1)
    question: str = Field(min_length=1)
    max_length: int = Field(512, ge=1, description="Most tokens of the answer.")
    temperature: float = Field(0.7, ge=0, le=100)


class AskOut(BaseModel):
    """The text of a fused model; for research, not a diagnosis."""

    answer: str
    processing_time: float = Field(description="Seconds.")
    model_loaded: bool = True


@ROUTER.post("/ask")
async def ask(body: AskIn, request: Request, service: ServiceDep, who: CallerDep) -> AskOut:
    """Answer in free text, or with the likeliest label where the model has no language model."""
    if not service.fusions.installed:
        raise RefusedError(503, "no model is loaded; start with --fusion NAME=FOLDER")
    started = time.monotonic()
    most = min(body.max_length, service.settings.limits.spoken)
    asked = DiagnoseIn(**{**body.model_dump(), "max_length": most}, evidence=False)
    found = await diagnose(asked, request, service, who)
    answer = found.answer if found.text is None else found.text
    return AskOut(answer=answer, processing_time=time.monotonic() - started)
