"""Records, windows and coordinates: what is cut from a genome, and where.

No files and no tensors here. Coordinates are 0-based half-open everywhere except in `Variant`, which keeps
the 1-based `pos` of VCF and converts in exactly one property, `Variant.start`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Strand = Literal["+", "-"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a contig, 0-based half-open.

    Attributes:
        chrom: Contig name.
        start: First base, 0-based.
        end: One past the last base.
        strand: Reading direction; coordinates always count along the plus strand.
        name: Free label, empty when none.
    """

    chrom: str
    start: int
    end: int
    strand: Strand = "+"
    name: str = ""

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Variant:
    """One alternative allele, spelled as in VCF.

    Attributes:
        chrom: Contig name as the VCF has it.
        pos: First base of `ref`, 1-based.
        ref: Reference allele.
        alt: One alternative allele; may be symbolic (`<DEL>`), `*`, or a breakend.
        end: Last base that a symbolic allele covers, 1-based inclusive, from INFO/END or SVLEN.
    """

    chrom: str
    pos: int
    ref: str
    alt: str
    end: int | None = None

    @property
    def start(self) -> int:
        """First base of `ref`, 0-based: the one place where VCF coordinates are converted."""
        return self.pos - 1


class Reference(Protocol):
    """A genome that can be sliced. `cistron.formats.fasta.Fasta` is one."""

    @property
    def name(self) -> str:
        """What to call it in messages, usually the file name."""
        ...

    @property
    def contigs(self) -> Mapping[str, int]:
        """Contig name → length in bp, in file order."""
        ...

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Upper-case bases of `chrom[start:end]`, 0-based half-open.

        Raises:
            UnknownContigError: No such contig.
            OutOfBoundsError: `start` < 0, `end` beyond the contig, or `end` < `start`.
        """
        ...
