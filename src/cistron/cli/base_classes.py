"""Classes of bases from the files that a user names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cistron.errors import InputError
from cistron.formats.bed import read_bed
from cistron.formats.feature_table import read_features
from cistron.formats.gene_models import GeneFile
from cistron.genome import Interval, Reference
from cistron.genome.base_classes import BaseClasses
from cistron.genome.contigs import ContigNames

_TAKEN = frozenset({"all", "A", "C", "G", "T", "exons", "introns", "intergenic"})


def named_files(words: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """Name and file of each `NAME=FILE`.

    Raises:
        InputError: One is spelled otherwise, or a name is taken.
    """
    found: dict[str, Path] = {}
    for word in words:
        name, _, path = word.partition("=")
        if not path or not re.fullmatch(r"[\w.-]+", name):
            raise InputError(f"--class {word}: write NAME=FILE, such as repeats=repeats.bed")
        if name in found or name in _TAKEN:
            raise InputError(f"--class {word}: there is a class '{name}' already; choose another name")
        found[name] = Path(path)
    return tuple(found.items())


def base_classes(reference: Reference, genes: Path | None, others: Sequence[tuple[str, Path]]) -> BaseClasses:
    """Exons, introns and intergenic bases of `genes`, and the intervals of further files.

    Args:
        reference: The genome; intervals on contigs that it does not have are passed over.
        genes: See `GeneFile`.
        others: Class → BED file, or Parquet table with 0-based half-open coordinates.

    Raises:
        InputError: A file is missing or malformed.
    """
    intervals = {name: _intervals(path, reference) for name, path in others}
    if genes is None:
        return BaseClasses(others=intervals)
    annotation = GeneFile(genes, reference)
    return BaseClasses(annotation.features("gene"), annotation.features("exon"), intervals)


def _intervals(path: Path, reference: Reference) -> Iterator[Interval]:
    names = ContigNames(reference.contigs)
    read = read_features(path, one_based=False) if path.suffix == ".parquet" else read_bed(path)
    for found in read:
        chrom = names.resolve(found.chrom)
        if chrom is not None:
            yield Interval(chrom, found.start, found.end)
