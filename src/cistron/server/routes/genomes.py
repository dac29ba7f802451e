"""Genomes: bases and genes for whoever draws them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from cistron.genome import Interval
from cistron.server.access import allowed
from cistron.server.routes.variants import region_of
from cistron.server.service import ServiceDep

ROUTER = APIRouter(prefix="/v1/genomes", tags=["genomes"], dependencies=[allowed("genomes")])

MOST_GENES = 200

GenomeName = Annotated[str, Path(max_length=200)]
Chrom = Annotated[str, Query(min_length=1, max_length=100)]
Start = Annotated[int, Query(ge=0, le=2**40, description="First base, 0-based.")]
End = Annotated[int, Query(ge=1, le=2**40, description="One past the last base.")]


class ContigsOut(BaseModel):
    """Contig → length in bp, in file order."""

    genome: str
    contigs: dict[str, int]


class BasesOut(BaseModel):
    """Bases of a region, 0-based half-open."""

    chrom: str
    start: int
    end: int
    bases: str


class GeneOut(BaseModel):
    """A gene, 0-based half-open."""

    name: str
    chrom: str
    start: int
    end: int
    strand: Literal["+", "-"]


class GenesOut(BaseModel):
    """Genes, the first 200 of them."""

    genes: list[GeneOut]


@ROUTER.get("/{genome}")
async def contigs(genome: GenomeName, service: ServiceDep) -> ContigsOut:
    """The contigs of a genome."""
    name = service.genome(genome)
    return ContigsOut(genome=name, contigs=service.genomes.contigs[name])


@ROUTER.get("/{genome}/bases")
async def bases(genome: GenomeName, chrom: Chrom, start: Start, end: End, service: ServiceDep) -> BasesOut:
    """Bases of a region."""
    name = service.genome(genome)
    region = region_of(service, name, chrom, start, end, service.settings.limits.slice)

    def fetch() -> str:
        return service.genomes.of(name).fetch(region.chrom, region.start, region.end)

    return BasesOut(chrom=region.chrom, start=start, end=end, bases=await run_in_threadpool(fetch))


@ROUTER.get("/{genome}/genes")
async def genes_in(genome: GenomeName, chrom: Chrom, start: Start, end: End, service: ServiceDep) -> GenesOut:
    """Genes that share a base with a region."""
    found = service.genomes.genes_of(genome)
    region = region_of(service, genome, chrom, start, end, 1 << 40)
    inside = (g for g in found if g.chrom == region.chrom and g.start < end and start < g.end)
    return _genes(list(inside))


@ROUTER.get("/{genome}/genes/named")
async def genes_named(
    genome: GenomeName, prefix: Annotated[str, Query(min_length=1, max_length=100)], service: ServiceDep
) -> GenesOut:
    """Genes whose names begin so, whatever the case; the shortest first."""
    wanted = prefix.lower()
    found = [gene for gene in service.genomes.genes_of(genome) if gene.name.lower().startswith(wanted)]
    return _genes(sorted(found, key=lambda gene: (len(gene.name), gene.name)))


def _genes(found: list[Interval]) -> GenesOut:
    return GenesOut(
        genes=[
            GeneOut(name=gene.name, chrom=gene.chrom, start=gene.start, end=gene.end, strand=gene.strand)
            for gene in found[:MOST_GENES]
        ]
    )
