"""Which part of a gene stands for it: windows on the transcribed strand, in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from cistron.genome import Reference
from cistron.genome.annotation import GeneModel, Span
from cistron.genome.sequence import reverse_complement

Region = Literal["tss", "promoter", "gene_body", "transcript", "cds", "utr3", "multi"]

REGIONS: Final[Mapping[Region, str]] = {
    "tss": "a window centred on the start of transcription",
    "promoter": "the window that ends at the start of transcription",
    "gene_body": "first to last base of the gene, introns included",
    "transcript": "the exons, spliced",
    "cds": "the coding sequence, spliced",
    "utr3": "the exons behind the coding sequence, spliced",
    "multi": "tss, cds and utr3; their vectors side by side",
}

_PARTS: Final[Mapping[Region, tuple[Region, ...]]] = {"multi": ("tss", "cds", "utr3")}

Windows = tuple[str, ...]


def windows_of(
    gene: GeneModel, region: Region, reference: Reference, *, width: int, most: int
) -> tuple[Windows, ...] | None:
    """Windows of a gene, for each part of the region; None where the gene lacks one, or it is unknown there.

    Args:
        gene: Lies on `reference`.
        region: A name of `REGIONS`.
        reference: The genome.
        width: Of a window in bp; what is shorter is one window.
        most: Windows of a part. A longer part is tiled from its beginning, and as many tiles are taken from
            first to last at equal steps.
    """
    parts = [_part(gene, name, reference, width, most) for name in _PARTS.get(region, (region,))]
    known = all(windows and 2 * sum(map(_acgt, windows)) >= sum(map(len, windows)) for windows in parts)
    return tuple(parts) if known else None


def tile_starts(length: int, width: int, most: int) -> list[int]:
    """Where the tiles of a text begin: side by side, the last one ends with the text; `most` of them."""
    starts = [*range(0, length - width, width), max(length - width, 0)] if length else []
    chosen = np.linspace(0, len(starts) - 1, min(most, len(starts))).round().astype(int)
    return [starts[at] for at in chosen]


def _part(gene: GeneModel, region: Region, reference: Reference, width: int, most: int) -> Windows:
    if region in ("tss", "promoter"):
        return _around_start(gene, reference, width // 2 if region == "tss" else 0, width)
    if region == "gene_body":
        return _tiles_of_locus(gene, reference, width, most)
    text = _spliced(gene, _exonic(gene, region), reference)
    return tuple(text[start : start + width] for start in tile_starts(len(text), width, most))


def _around_start(gene: GeneModel, reference: Reference, behind: int, width: int) -> Windows:
    """`width` bp of which `behind` follow the start of transcription; fewer at a contig's end."""
    if gene.strand == "+":
        first, last = gene.start + behind - width, gene.start + behind
    else:
        first, last = gene.end - behind, gene.end - behind + width
    first, last = max(first, 0), min(last, reference.contigs[gene.chrom])
    return (_read(gene, reference, first, last),) if first < last else ()


def _tiles_of_locus(gene: GeneModel, reference: Reference, width: int, most: int) -> Windows:
    length = gene.end - gene.start
    spans = [(start, min(start + width, length)) for start in tile_starts(length, width, most)]
    if gene.strand == "+":
        return tuple(_read(gene, reference, gene.start + a, gene.start + b) for a, b in spans)
    return tuple(_read(gene, reference, gene.end - b, gene.end - a) for a, b in spans)


def _exonic(gene: GeneModel, region: Region) -> Sequence[Span]:
    """Stretches of a spliced region in ascending order."""
    if region == "transcript":
        return gene.exons
    if region == "cds" or not gene.cds:
        return gene.cds
    if gene.strand == "+":
        border = gene.cds[-1][1]
        return [(max(start, border), end) for start, end in gene.exons if end > border]
    border = gene.cds[0][0]
    return [(start, min(end, border)) for start, end in gene.exons if start < border]


def _spliced(gene: GeneModel, spans: Iterable[Span], reference: Reference) -> str:
    text = "".join(reference.fetch(gene.chrom, start, end) for start, end in spans)
    return reverse_complement(text) if gene.strand == "-" else text


def _read(gene: GeneModel, reference: Reference, start: int, end: int) -> str:
    return _spliced(gene, [(start, end)], reference)


def _acgt(text: str) -> int:
    return len(text) - text.count("N")
