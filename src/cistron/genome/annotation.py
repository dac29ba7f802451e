"""Gene models: where the exons and the coding sequence of a gene lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cistron.errors import InputError
from cistron.genome import Strand

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GeneModel:
    """One transcript of a gene, all coordinates 0-based half-open along the plus strand.

    Attributes:
        name: Gene symbol.
        chrom: Contig name.
        strand: Reading direction.
        exons: Exons in ascending order, at least one.
        cds: Coding parts of the exons in ascending order; empty for a non-coding gene.
    """

    name: str
    chrom: str
    strand: Strand
    exons: tuple[Span, ...]
    cds: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.exons or self.strand not in ("+", "-"):
            raise InputError(f"gene '{self.name}' needs at least one exon and the strand + or -")
        for kind, spans in (("exons", self.exons), ("CDS", self.cds)):
            edges = [edge for span in spans for edge in span]
            if edges != sorted(edges) or any(start == end for start, end in spans):
                raise InputError(f"{kind} of gene '{self.name}' are empty, overlap or descend: {spans}")

    @property
    def start(self) -> int:
        """First base of the first exon, 0-based."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """One past the last base of the last exon."""
        return self.exons[-1][1]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> GeneModel:
        """A gene model from a decoded JSON object with the attributes as keys and spans as pairs.

        Raises:
            InputError: A key is missing, or a span is not a pair of whole numbers.
        """

        def spans(pairs: Sequence[Sequence[int]]) -> tuple[Span, ...]:
            return tuple((int(start), int(end)) for start, end in pairs)

        try:
            name, chrom, strand = content["name"], content["chrom"], content["strand"]
            exons, cds = spans(content["exons"]), spans(content.get("cds", ()))
        except KeyError as missing:
            raise InputError(f"a gene model needs name, chrom, strand and exons; no {missing} here") from None
        except (TypeError, ValueError):
            raise InputError(f"exons and cds of gene '{name}' must be pairs [start, end]") from None
        return cls(str(name), str(chrom), strand, exons, cds)
