"""Sequences: how plausible they are, and what the model sees in them."""

from __future__ import annotations

import base64
import math
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from cistron.inference.embed import Embedding
from cistron.server.access import CallerDep, allowed
from cistron.server.problems import RefusedError
from cistron.server.service import Service, ServiceDep, answered
from cistron.server.verbs import ask_embeddings, ask_likelihoods

ROUTER = APIRouter(prefix="/v1", tags=["sequences"])

Sequence = Annotated[str, Field(min_length=1)]


class LikelihoodIn(BaseModel):
    """Sequences to score as wholes."""

    model_config = ConfigDict(extra="forbid")

    sequences: list[Sequence] = Field(min_length=1)
    model: str | None = Field(None, max_length=200)
    strands: Literal["forward", "both"] = "forward"


class LikelihoodOut(BaseModel):
    """The log-likelihood of one sequence."""

    total: float = Field(description="Sum of natural-log probabilities over scored bases.")
    bases: int = Field(description="Scored bases.")
    per_base: float | None = Field(description="Mean nats per scored base; missing without any.")


class LikelihoodsOut(BaseModel):
    """Log-likelihoods, in the order of the request."""

    model: str
    likelihoods: list[LikelihoodOut]


class EmbeddingIn(BaseModel):
    """Sequences to embed, in OpenAI's form with what genomes need beside it."""

    model_config = ConfigDict(extra="ignore")

    input: Sequence | list[Sequence] = Field(description="A sequence, or a list of them.")
    model: str | None = Field(None, max_length=200)
    encoding_format: Literal["float", "base64"] = "float"
    pooling: Literal["mean", "max", "last"] = "mean"
    strands: Literal["forward", "both"] = "forward"
    layers: list[Annotated[str, Field(max_length=200)] | int] | None = Field(None, max_length=8)


class EmbeddingOut(BaseModel):
    """The vector of one sequence."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="Numbers, or little-endian float32 as base64.")
    layers: dict[str, list[float] | str] | None = Field(
        None, description="A vector for each layer where layers were named."
    )


class Usage(BaseModel):
    """What a request took."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsOut(BaseModel):
    """Vectors, in the order of the request."""

    object: Literal["list"] = "list"
    data: list[EmbeddingOut]
    model: str
    usage: Usage


@ROUTER.post("/likelihood", dependencies=[allowed("score")])
async def likelihood(
    body: LikelihoodIn, request: Request, service: ServiceDep, who: CallerDep
) -> LikelihoodsOut:
    """Log-likelihood of whole sequences under a model."""
    model = service.model(body.model)
    bases = check_sequences(service, body.sequences)
    await service.charge(who, "likelihood", bases)
    found = await answered(request, ask_likelihoods(service, model, body.sequences, strands=body.strands))
    return LikelihoodsOut(
        model=model,
        likelihoods=[
            LikelihoodOut(total=each.total, bases=each.bases, per_base=_finite(each.per_base))
            for each in found
        ],
    )


@ROUTER.post("/embeddings", dependencies=[allowed("embed")])
async def embeddings(
    body: EmbeddingIn, request: Request, service: ServiceDep, who: CallerDep
) -> EmbeddingsOut:
    """Embed sequences; OpenAI's clients can ask this."""
    model = service.model(body.model)
    sequences = [body.input] if isinstance(body.input, str) else body.input
    if not sequences:
        raise RefusedError(422, "input: there is no sequence")
    bases = check_sequences(service, sequences)
    await service.charge(who, "embed", bases)
    layers = tuple(body.layers or ())
    asked = ask_embeddings(
        service, model, sequences, pooling=body.pooling, strands=body.strands, layers=layers
    )
    found = await answered(request, asked)
    data = [_embedding(i, each, body.encoding_format, named=bool(layers)) for i, each in enumerate(found)]
    return EmbeddingsOut(data=data, model=model, usage=Usage(prompt_tokens=bases, total_tokens=bases))


def check_sequences(service: Service, sequences: list[str]) -> int:
    """The number of bases in all.

    Raises:
        RefusedError: There are too many sequences, or one is too long.
    """
    limits = service.settings.limits
    if len(sequences) > limits.sequences:
        raise RefusedError(
            413, f"{len(sequences):,} sequences; {limits.sequences:,} at most, or make it a job"
        )
    longest = max(map(len, sequences))
    if longest > limits.sequence:
        raise RefusedError(413, f"a sequence of {longest:,} bases; {limits.sequence:,} at most")
    return sum(map(len, sequences))


def _embedding(index: int, found: Embedding, form: str, *, named: bool) -> EmbeddingOut:
    layers = {name: _encoded(vector, form) for name, vector in found.layers.items()}
    return EmbeddingOut(index=index, embedding=_encoded(found.vector, form), layers=layers if named else None)


def _encoded(vector: Any, form: str) -> list[float] | str:
    values = np.asarray(vector, dtype="<f4")
    return base64.b64encode(values.tobytes()).decode() if form == "base64" else values.tolist()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
