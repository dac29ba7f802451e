"""Tracks: predicted signal along a region, from an installed head."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from cistron.server.access import CallerDep, allowed
from cistron.server.heads import signal
from cistron.server.routes.variants import region_of
from cistron.server.service import ServiceDep, answered

ROUTER = APIRouter(prefix="/v1", tags=["tracks"], dependencies=[allowed("score")])

MOST_BASES = 131_072


class TracksIn(BaseModel):
    """A region, 0-based half-open."""

    model_config = ConfigDict(extra="forbid")

    chrom: str = Field(min_length=1, max_length=100)
    start: int = Field(ge=0, le=2**40)
    end: int = Field(ge=1, le=2**40)
    genome: str | None = Field(None, max_length=200)


class TracksOut(BaseModel):
    """Predicted signal at every base; missing where the genome has none."""

    genome: str
    chrom: str
    start: int
    end: int
    tracks: dict[str, list[float | None]]


@ROUTER.post("/tracks")
async def tracks(body: TracksIn, request: Request, service: ServiceDep, who: CallerDep) -> TracksOut:
    """Predict tracks along a region; 501 where no head for tracks is installed."""
    head = service.heads.require("tracks")
    genome = service.genome(body.genome)
    region = region_of(service, genome, body.chrom, body.start, body.end, MOST_BASES)
    await service.charge(who, "tracks", len(region))

    def run(items: Any) -> list[dict[str, Any]]:
        reference = service.genomes.of(genome)
        return [signal(service.heads.of(head), reference, each) for each in items]

    found = (await answered(request, service.slow.submit(object(), [region], len(region), run)))[0]
    values = {
        name: [value if math.isfinite(value) else None for value in each.tolist()]
        for name, each in found.items()
    }
    return TracksOut(genome=genome, chrom=region.chrom, start=region.start, end=region.end, tracks=values)
