"""Profiles: what the model expects at every base around a variant, with either allele."""

from __future__ import annotations

from typing import Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.server.access import CallerDep, allowed
from cistron.server.problems import RefusedError
from cistron.server.profiles import Haplotype, ask_profile
from cistron.server.routes.variants import VariantIn
from cistron.server.service import ServiceDep, answered
from cistron.server.unscored import why
from cistron.server.verbs import bases_of_scores

ROUTER = APIRouter(prefix="/v1", tags=["variants"], dependencies=[allowed("score")])


class ProfileIn(VariantIn):
    """One variant."""

    model: str | None = Field(None, max_length=200)
    genome: str | None = Field(None, max_length=200)
    width: int | None = Field(None, ge=8, le=131_072)
    strands: Literal["both", "forward"] = "both"


class HaplotypeOut(BaseModel):
    """One allele in its window, along the plus strand."""

    bases: str
    log_p: list[float | None] = Field(description="Natural logarithm of the probability of each base.")


class ProfileOut(BaseModel):
    """Both alleles in the same window; before `allele_start` their bases are the same."""

    chrom: str
    start: int = Field(description="First base of the window, 0-based.")
    allele_start: int = Field(description="Offset of the allele in the windows.")
    ref: HaplotypeOut
    alt: HaplotypeOut


@ROUTER.post("/variants:profile")
async def profile(body: ProfileIn, request: Request, service: ServiceDep, who: CallerDep) -> ProfileOut:
    """Log-probability of every base around a variant, with the reference and the alternative allele."""
    model, genome = service.model(body.model), service.genome(body.genome)
    if max(len(body.ref), len(body.alt)) > service.settings.limits.allele:
        raise RefusedError(413, f"an allele of more than {service.settings.limits.allele:,} bases")
    await service.charge(who, "profile", 2 * bases_of_scores(service, model, body.width, 1))
    variant = Variant(body.chrom, body.pos, body.ref, body.alt)
    asked = ask_profile(service, model, genome, variant, width=body.width, strands=body.strands)
    found = (await answered(request, asked))[0]
    if isinstance(found, AlleleStatus):
        raise RefusedError(422, f"the variant has no profile: {why(found)}")
    return ProfileOut(
        chrom=found.chrom,
        start=found.start,
        allele_start=found.allele_start,
        ref=_out(found.ref),
        alt=_out(found.alt),
    )


def _out(found: Haplotype) -> HaplotypeOut:
    values = [float(value) if np.isfinite(value) else None for value in found.log_p]
    return HaplotypeOut(bases=found.bases, log_p=values)
