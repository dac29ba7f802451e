"""Whether a service reads the genome that a task means: the same contigs, the same bases where it matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cistron.evals.requests import ScoreRequest
from cistron.formats.fasta import Fasta
from cistron.genome import Interval, Reference, Variant
from cistron.genome.contigs import ContigNames

if TYPE_CHECKING:
    from cistron.client.service import Service

SPOTS: Final = 16
"""Windows of a request whose bases are compared."""


class RemoteGenomes:
    """The genomes of a service.

    Args:
        service: The service.
    """

    def __init__(self, service: Service) -> None:
        self._service: Final = service
        self._same: Final[dict[tuple[Path, frozenset[str]], str]] = {}

    def refuses(self, request: ScoreRequest, width: int) -> str | None:
        """Why no genome of the service is that of the request; one that is, is remembered.

        Args:
            request: Its reference is a file.
            width: Window in bp.

        Raises:
            ServiceError: The service refuses or cannot be reached.
        """
        assert isinstance(request.reference, Path)
        chroms = frozenset(each.chrom for each in request.variants)
        reasons = []
        with Fasta(request.reference) as fasta:
            spots = _spots(request.variants, fasta, min(width, int(self._service.limits.get("slice", width))))
            for name in self._service.genomes:
                reason = self._other(name, fasta, chroms, spots)
                if reason is None:
                    self._same[request.reference, chroms] = name
                    return None
                reasons.append(f"{name} {reason}")
            return f"the service has no genome like {fasta.name}: {'; '.join(reasons) or 'it has none'}"

    def same_as(self, reference: Path, chroms: Iterable[str]) -> str:
        """Name of the genome that was found to be that of a file, on these contigs.

        Raises:
            KeyError: None was looked for.
        """
        wanted = set(chroms)
        return next(
            name for (path, known), name in self._same.items() if path == reference and wanted <= known
        )

    def _other(
        self, name: str, fasta: Reference, chroms: Iterable[str], spots: Sequence[Interval]
    ) -> str | None:
        """In what a genome differs; None where it does not."""
        here, there = ContigNames(fasta.contigs), self._service.contigs(name)
        names = ContigNames(there)
        for chrom in sorted(chroms):
            ours = here.resolve(chrom)
            if ours is None:
                return f"is not asked about {chrom}, which {fasta.name} does not have"
            length = fasta.contigs[ours]
            theirs = names.resolve(chrom, length)
            if theirs is None or there[theirs] != length:
                return f"has no {chrom} of {length:,} bp"
        for spot in spots:
            place = spot.chrom, spot.start, spot.end
            if fasta.fetch(*place) != self._service.bases(name, *place).upper():
                return f"has other bases in {spot.chrom}:{spot.start + 1:,}-{spot.end:,}"
        return None


def _spots(variants: Sequence[Variant], fasta: Reference, width: int) -> list[Interval]:
    """Windows around some variants, the first and the last among them, in the names of the FASTA."""
    steps = max(min(SPOTS, len(variants)) - 1, 1)
    chosen = dict.fromkeys(round(number * (len(variants) - 1) / steps) for number in range(steps + 1))
    names = ContigNames(fasta.contigs)
    found = []
    for variant in (variants[at] for at in chosen):
        chrom = names.resolve(variant.chrom)
        if chrom is not None:
            end = min(variant.start + width // 2, fasta.contigs[chrom])
            found.append(Interval(chrom, max(variant.start - width // 2, 0), end))
    return found
