"""Variants: scores of a few at once, and what every substitution of a region does."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from cistron.genome import Interval, Variant
from cistron.genome.contigs import ContigNames
from cistron.inference.score import VariantScore
from cistron.server.access import CallerDep, allowed
from cistron.server.problems import RefusedError
from cistron.server.service import ServiceDep, answered
from cistron.server.verbs import ask_mutations, ask_scores, bases_of_scores

ROUTER = APIRouter(prefix="/v1", tags=["variants"], dependencies=[allowed("score")])

Allele = Annotated[str, Field(min_length=1, max_length=100_000)]


class VariantIn(BaseModel):
    """One alternative allele, spelled as in VCF."""

    model_config = ConfigDict(extra="forbid")

    chrom: str = Field(min_length=1, max_length=100)
    pos: int = Field(ge=1, le=2**40, description="First base of REF, 1-based.")
    ref: Allele
    alt: Allele


class ScoreIn(BaseModel):
    """Variants to score."""

    model_config = ConfigDict(extra="forbid")

    variants: list[VariantIn] = Field(min_length=1)
    model: str | None = Field(None, max_length=200, description="The first one when missing.")
    genome: str | None = Field(None, max_length=200, description="May be missing where there is one.")
    width: int | None = Field(None, ge=8, le=1_048_576, description="Window in bp.")
    strands: Literal["both", "forward"] = "both"
    indel: Literal["neutral", "equal-tokens"] = "neutral"


class ScoreOut(VariantIn):
    """A scored allele."""

    llr: float | None = Field(description="Log-likelihood ratio ALT - REF in nats; negative: less plausible.")
    flank: float | None = Field(description="The part of it from the bases downstream.")
    status: str | None = Field(description="Why there is no score.")
    percentile: float | None = Field(
        None, description="Per cent of random changes of the same kind that score lower."
    )


class ScoresOut(BaseModel):
    """Scores, in the order of the request."""

    model: str
    model_sha256: str
    genome: str
    scores: list[ScoreOut]


class MutateIn(BaseModel):
    """A region whose every base is substituted."""

    model_config = ConfigDict(extra="forbid")

    chrom: str = Field(min_length=1, max_length=100)
    start: int = Field(ge=0, le=2**40, description="First base, 0-based.")
    end: int = Field(ge=1, le=2**40, description="One past the last base.")
    model: str | None = Field(None, max_length=200)
    genome: str | None = Field(None, max_length=200)
    width: int | None = Field(None, ge=8, le=1_048_576)
    strands: Literal["both", "forward"] = "both"


@ROUTER.post("/variants:score")
async def score_variants(body: ScoreIn, request: Request, service: ServiceDep, who: CallerDep) -> ScoresOut:
    """Score variants: how plausible is each alternative allele beside the reference?"""
    limits, model, genome = service.settings.limits, service.model(body.model), service.genome(body.genome)
    if len(body.variants) > limits.variants:
        raise RefusedError(
            413, f"{len(body.variants):,} variants; {limits.variants:,} at most, or make it a job"
        )
    if max(max(len(v.ref), len(v.alt)) for v in body.variants) > limits.allele:
        raise RefusedError(413, f"an allele of more than {limits.allele:,} bases")
    variants = [Variant(v.chrom, v.pos, v.ref, v.alt) for v in body.variants]
    await service.charge(who, "score", bases_of_scores(service, model, body.width, len(variants)))
    asked = ask_scores(
        service, model, genome, variants, width=body.width, strands=body.strands, indel=body.indel
    )
    scores = [_out(score, percentile) for score, percentile in await answered(request, asked)]
    return ScoresOut(model=model, model_sha256=service.residents.sha256(model), genome=genome, scores=scores)


@ROUTER.post("/variants:mutate")
async def mutate_region(body: MutateIn, request: Request, service: ServiceDep, who: CallerDep) -> ScoresOut:
    """Score all three substitutions of every base of a region."""
    model, genome = service.model(body.model), service.genome(body.genome)
    region = region_of(service, genome, body.chrom, body.start, body.end, service.settings.limits.region)
    await service.charge(who, "mutate", bases_of_scores(service, model, body.width, 3 * len(region)))
    asked = ask_mutations(service, model, genome, region, width=body.width, strands=body.strands)
    scores = [_out(score, None) for score in await answered(request, asked)]
    return ScoresOut(model=model, model_sha256=service.residents.sha256(model), genome=genome, scores=scores)


def region_of(service: ServiceDep, genome: str, chrom: str, start: int, end: int, most: int) -> Interval:
    """A region of a genome, on the contig as the genome calls it.

    Raises:
        RefusedError: The contig does not exist, or the region is empty, too long or beyond its end.
    """
    contigs = service.genomes.contigs[genome]
    name = ContigNames(contigs).resolve(chrom)
    if name is None:
        raise RefusedError(404, f"genome '{genome}' has no contig of that name")
    if not 0 <= start < end <= contigs[name]:
        raise RefusedError(422, "the region is empty or reaches beyond its contig")
    if end - start > most:
        raise RefusedError(413, f"a region of {end - start:,} bp; {most:,} at most")
    return Interval(name, start, end)


def _out(score: VariantScore, percentile: float | None) -> ScoreOut:
    variant = score.variant
    return ScoreOut(
        chrom=variant.chrom,
        pos=variant.pos,
        ref=variant.ref,
        alt=variant.alt,
        llr=score.llr,
        flank=score.flank,
        status=score.status,
        percentile=percentile,
    )
