"""The paths that the published client `genos-client` 0.1.2 asks, answered in its envelope."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from cistron.genome import Variant
from cistron.server.access import CallerDep, allowed
from cistron.server.heads import signal
from cistron.server.pathogenicity import ask_verdicts, verdict
from cistron.server.problems import GENOS, RefusedError
from cistron.server.routes.sequences import Sequence, check_sequences
from cistron.server.routes.variants import region_of
from cistron.server.service import Service, ServiceDep, answered
from cistron.server.verbs import ask_embeddings, bases_of_scores

ROUTER = APIRouter(prefix=GENOS.rstrip("/"), tags=["genos-client"])

TRACK_BASES = 32_000
"""Bases of a coverage track. Source: the published client's check of positions."""

Allele = Annotated[
    str, StringConstraints(pattern="^[ACGTNacgtn]+$", min_length=1, max_length=10_000, to_upper=True)
]


class VariantIn(BaseModel):
    """One variant, as the client sends it."""

    assembly: Literal["hg19", "hg38"]
    chrom: str = Field(max_length=100)
    pos: int = Field(ge=1, le=2**31, description="1-based.")
    ref: Allele
    alt: Allele


class EmbeddingIn(BaseModel):
    """One sequence, as the client sends it."""

    sequence: Sequence
    model_name: str = Field("Genos-1.2B", max_length=200)
    pooling_method: Literal["mean", "max", "last", "none"] = "mean"


class TrackIn(BaseModel):
    """Where a coverage track begins, as the client sends it."""

    chrom: str = Field(max_length=100)
    start_pos: int = Field(ge=1, le=2**31, description="1-based.")


class Envelope(BaseModel):
    """What every answer of these paths comes in."""

    result: dict[str, Any]
    status: int = 200
    message: str | None = None


@ROUTER.post("/variant_predict", dependencies=[allowed("score")])
async def variant_predict(body: VariantIn, request: Request, service: ServiceDep, who: CallerDep) -> Envelope:
    """Benign or pathogenic? The field `method` says what the answer was made from."""
    model, genome = service.model(None), genome_of(service, body.assembly)
    await service.charge(who, "score", bases_of_scores(service, model, None, 1))
    asked = ask_verdicts(service, model, genome, Variant(body.chrom, body.pos, body.ref, body.alt))
    found = verdict(service, (await answered(request, asked))[0])
    return Envelope(
        result={
            "variant": f"{body.chrom}-{body.pos}-{body.ref}-{body.alt}",
            "prediction": "Pathogenic" if found.pathogenic > 0.5 else "Benign",
            "score_Benign": 1 - found.pathogenic,
            "score_Pathogenic": found.pathogenic,
            "method": found.method,
            "llr": found.llr,
            "model_type": service.settings.models[model],
        }
    )


@ROUTER.post("/embedding", dependencies=[allowed("embed")])
async def embedding(body: EmbeddingIn, request: Request, service: ServiceDep, who: CallerDep) -> Envelope:
    """What the model sees in a sequence."""
    model = service.model(body.model_name)
    bases = check_sequences(service, [body.sequence])
    if body.pooling_method == "none" and bases > service.settings.limits.rows:
        raise RefusedError(413, f"{bases:,} rows; without pooling {service.settings.limits.rows:,} at most")
    await service.charge(who, "embed", bases)
    asked = ask_embeddings(service, model, [body.sequence], pooling=body.pooling_method)
    vectors = np.atleast_2d((await answered(request, asked))[0].vector)
    values = vectors[None] if body.pooling_method == "none" else vectors
    return Envelope(
        result={
            "sequence": body.sequence,
            "sequence_length": bases,
            "token_count": bases,
            "embedding_shape": list(values.shape),
            "embedding_dim": values.shape[-1],
            "pooling_method": body.pooling_method,
            "model_type": service.settings.models[model],
            "device": service.residents.device(model),
            "embedding": values.tolist(),
        }
    )


@ROUTER.post("/rna_seq_coverage_track", dependencies=[allowed("score")])
async def rna_seq_coverage_track(
    body: TrackIn, request: Request, service: ServiceDep, who: CallerDep
) -> Envelope:
    """Predicted coverage of 32,000 bases of hg38, from an installed head for tracks."""
    head = service.heads.require("tracks")
    genome = genome_of(service, "hg38")
    start = body.start_pos - 1
    region = region_of(service, genome, body.chrom, start, start + TRACK_BASES, TRACK_BASES)
    await service.charge(who, "tracks", len(region))

    def run(items: Any) -> list[Any]:
        reference = service.genomes.of(genome)
        return [
            (
                reference.fetch(each.chrom, each.start, each.end),
                signal(service.heads.of(head), reference, each),
            )
            for each in items
        ]

    asked = service.slow.submit(object(), [region], TRACK_BASES, run)
    sequence, tracks = (await answered(request, asked))[0]
    return Envelope(
        result={
            "position": [body.chrom, body.start_pos, body.start_pos + TRACK_BASES],
            "sequence": sequence,
            "values": {
                name: {"value": [value if math.isfinite(value) else 0.0 for value in values.tolist()]}
                for name, values in tracks.items()
            },
        }
    )


def genome_of(service: Service, assembly: str) -> str:
    """The served genome that is this assembly by its own or its other name.

    Raises:
        RefusedError: It is not installed (404).
    """
    others = {"hg19": "GRCh37", "hg38": "GRCh38"}
    for name in (assembly, others[assembly]):
        if name in service.genomes.names:
            return name
    raise RefusedError(
        404, f"the genome {assembly} is not installed here; start with --genome {assembly}=FASTA"
    )
