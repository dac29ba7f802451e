"""What a model must not learn from: chromosomes or parts of them, by any of their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cistron.data.spans import Spans, merged, no_spans
from cistron.genome.contigs import plain_name
from cistron.genome.splits import parse_region


class HeldOut:
    """A set of regions, looked up by contig; `20`, `chr20` and `NC_000020.11` are one contig.

    Args:
        regions: As samtools writes them: `20`, `chr20:1-20,000,000`.

    Raises:
        InputError: A text is not a region.
    """

    def __init__(self, regions: Sequence[str]) -> None:
        found: dict[str, list[tuple[int, int]]] = {}
        for region in map(parse_region, regions):
            found.setdefault(plain_name(region.chrom), []).append((region.start, region.end))
        self._spans: Final = {name: merged(rows) for name, rows in found.items()}

    def on(self, chrom: str) -> Spans:
        """The held-out stretches of a contig."""
        return self._spans.get(plain_name(chrom), no_spans())

    def touches(self, chrom: str) -> bool:
        """Whether any of a contig is held out."""
        return len(self.on(chrom)) > 0
