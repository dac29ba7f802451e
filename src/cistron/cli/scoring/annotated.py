"""Genes and consequences beside scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from cistron.cli.scoring.output import Column, RecordedRow
from cistron.cli.scoring.request import ScoreRequest
from cistron.formats.atomic import sha256_file
from cistron.formats.consequences import Consequences
from cistron.formats.csq import packed
from cistron.formats.fasta import Fasta
from cistron.formats.vcf import VcfReader
from cistron.genome import Variant
from cistron.genome.consequences import Consequence

_BLOCK: Final = 20_000
"""Records whose consequences are worked out together."""


class Annotated:
    """Rows of a run, with the consequences of their alleles at hand.

    Args:
        request: Names the annotation.
        reader: The variants' file.
        reference: Their genome.

    Raises:
        InputError: The annotation is missing, damaged, malformed, or has no transcripts on the reference.
        ReferenceMismatchError: It is of another assembly.
    """

    def __init__(self, request: ScoreRequest, reader: VcfReader, reference: Fasta) -> None:
        assert request.annotation is not None, "an annotation was asked for"
        named = dict.fromkeys(record.chrom for record in reader)
        lengths = {name: reader.contig_lengths.get(name) for name in named}
        self._consequences: Final = Consequences(request.annotation, reference, lengths)
        self._about: Final = f"{request.annotation.name}, sha256={sha256_file(request.annotation)}"
        self._found: dict[Variant, list[Consequence]] = {}

    def ahead(self, rows: Iterable[RecordedRow]) -> Iterator[RecordedRow]:
        """The rows; while one is at hand, `columns` knows its alleles."""
        remaining = iter(rows)
        while block := list(islice(remaining, _BLOCK)):
            variants = list(dict.fromkeys(v for record, entries in block if entries for v in record.variants))
            self._found = dict(zip(variants, self._consequences.of(variants), strict=True))
            yield from block

    def columns(self) -> list[Column]:
        """What is written of each allele."""
        meaning = f"Consequences by {self._about}; worst first, of each gene the worst and MANE or canonical."
        return [
            Column("CSQ", "csq", "String", meaning, lambda v, entry: packed(v.alt, self._found[v])),
            Column("", "gene", "String", "", lambda v, entry: self.worst(v)[0] or None),
            Column("", "consequence", "String", "", lambda v, entry: self.worst(v)[1] or None),
        ]

    def worst(self, variant: Variant) -> tuple[str, str]:
        """Gene and terms of the worst consequence of an allele of the row at hand; empty if there is none."""
        found = next(iter(self._found[variant]), Consequence(()))
        return found.symbol, "&".join(found.terms)
