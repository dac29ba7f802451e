"""Whether the service lives, what it serves, and its numbers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from cistron import __version__
from cistron.genome.contigs import recognise_build
from cistron.server.access import allowed
from cistron.server.diagnosis_forms import BaseOut
from cistron.server.problems import RefusedError
from cistron.server.service import ServiceDep

ROUTER = APIRouter(tags=["service"])


class Health(BaseModel):
    """Whether the service lives."""

    status: Literal["healthy"] = "healthy"
    message: str | None = None


class ModelOut(BaseModel):
    """A model that is served, in OpenAI's form with what it can do beside it."""

    id: str
    object: Literal["model"] = "model"
    owned_by: str = "cistron"
    source: str
    architecture: str
    parameters: int
    context_length: int
    width: int
    sha256: str = Field(description="Of the weights.")
    arithmetic: str = Field(description="Of all models here, and on what, such as `float32 on cuda`.")
    loaded: bool


class ModelsOut(BaseModel):
    """Models that are served; the first answers when a request names none."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class GenomeOut(BaseModel):
    """A genome that is served."""

    name: str
    build: str | None
    genes: bool
    transcripts: bool = Field(description="Whether jobs can tell consequences.")


class FusionOut(BaseModel):
    """A fused model that is installed; the first answers when a request names none."""

    name: str
    mode: str = Field(description="`fused`, `text` or `dna`: what it reads.")
    labels: int
    question: str = Field(description="How it was trained to be asked: `asked`, `short` or `nameless`.")
    width: int
    dna: BaseOut | None
    language: BaseOut | None
    loaded: bool


class ServiceType(BaseModel):
    """Kind of service. Source: GA4GH service-info 1.0."""

    group: str = "org.cistron"
    artifact: str = "cistron"
    version: str = __version__


class Organization(BaseModel):
    """Who runs the service."""

    name: str = "self-hosted"
    url: str = "https://localhost/"


class ServiceInfo(BaseModel):
    """What the service is and can do. Source: GA4GH service-info 1.0."""

    id: str = "org.cistron"
    name: str = "Cistron"
    description: str = "Genomic foundation models behind a private service. For research use, not diagnosis."
    type: ServiceType = ServiceType()
    organization: Organization = Organization()
    version: str = __version__
    genomes: list[GenomeOut]
    heads: list[str]
    fusions: list[FusionOut]
    screening: Literal["mark", "require"]
    needs_key: bool
    limits: dict[str, float]


@ROUTER.get("/health")
async def health() -> Health:
    """Whether the service lives, as `genos-client` asks it."""
    return Health()


@ROUTER.get("/healthz")
async def healthz() -> Health:
    """Whether the process lives."""
    return Health()


@ROUTER.get("/readyz")
async def readyz(service: ServiceDep) -> Health:
    """Whether requests will be answered: the database is there, and the service is not stopping."""
    if service.draining.is_set():
        raise RefusedError(503, "the service is stopping")
    await run_in_threadpool(service.jobs.ready)
    return Health()


@ROUTER.get("/metrics", dependencies=[allowed("metrics")], response_class=Response)
async def metrics(service: ServiceDep) -> Response:
    """Numbers for Prometheus."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@ROUTER.get("/v1/models")
async def models(service: ServiceDep) -> ModelsOut:
    """The models that are served."""
    return ModelsOut(
        data=[await run_in_threadpool(_model, service, name) for name in service.settings.models]
    )


@ROUTER.get("/v1/service-info")
async def service_info(service: ServiceDep) -> ServiceInfo:
    """What the service is and can do."""
    genomes = service.genomes
    return ServiceInfo(
        genomes=[
            GenomeOut(
                name=name,
                build=recognise_build(contigs),
                genes=name in genomes.genes,
                transcripts=name in genomes.with_transcripts,
            )
            for name, contigs in genomes.contigs.items()
        ],
        heads=list(service.heads.names),
        fusions=[_fusion(service, name) for name in service.fusions.installed],
        screening=service.settings.screening,
        needs_key=not service.is_open,
        limits=dict(vars(service.settings.limits)),
    )


def _model(service: ServiceDep, name: str) -> ModelOut:
    found = service.residents.described(name)
    return ModelOut(
        id=name,
        source=service.settings.models[name],
        architecture=found.architecture,
        parameters=found.parameters,
        context_length=found.context_length,
        width=found.width,
        sha256=service.residents.fingerprint(name),
        arithmetic=service.residents.arithmetic,
        loaded=name in service.residents.names,
    )


def _fusion(service: ServiceDep, name: str) -> FusionOut:
    found = service.fusions.installed[name]
    dna, language = (
        BaseOut.model_validate(found.bases[base]) if base in found.bases else None
        for base in ("dna", "language")
    )
    return FusionOut(
        name=name,
        mode=found.mode,
        labels=len(found.labels),
        question=found.question,
        width=found.dna.width,
        dna=dna,
        language=language,
        loaded=service.fusions.is_loaded(name),
    )
