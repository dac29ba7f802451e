"""Sources of a corpus: FASTA files and the tables that say what in them may be learned from."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cistron.data.held_out import HeldOut
from cistron.errors import InputError
from cistron.formats.fasta import Fasta


@dataclass(frozen=True)
class Source:
    """One FASTA file of a corpus. In all paths, environment variables such as `$CISTRON_DATA` are expanded.

    Attributes:
        fasta: Path of the file, plain or gzip of any kind.
        locations: Tab-separated table with the columns `lrg` (contig name in the FASTA) and `chrom`, for a
            file whose contigs are loci of other chromosomes; a locus is left out when any of its chromosome
            is held out.
        assembly: What the file is an assembly of, for the record.
        include: BED file; only bases inside are learned from.
        exclude: BED file; bases inside are not learned from.
        annotation: GFF3, GTF or BED file of genes, for sampling near them.
        name: What to call the source; the file's name without its suffixes when None.
    """

    fasta: str
    locations: str | None = None
    assembly: str | None = None
    include: str | None = None
    exclude: str | None = None
    annotation: str | None = None
    name: str | None = None

    @property
    def path(self) -> Path:
        """The FASTA file."""
        return expanded(self.fasta)


def expanded(path: str) -> Path:
    """`path` with environment variables replaced by their values."""
    return Path(os.path.expandvars(path))


def read_source_table(path: Path) -> list[Source]:
    """The sources listed in a tab-separated table, whose columns are called as the attributes of `Source`.

    Empty cells mean None. Paths are relative to the working folder, as on the command line.

    Raises:
        InputError: The table cannot be read, lacks the column `fasta`, has an unknown one, or has no rows.
    """
    known = [field.name for field in fields(Source)]
    try:
        with path.open(newline="") as stream:
            table = csv.DictReader(stream, delimiter="\t")
            columns, rows = table.fieldnames or (), list(table)
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"the table of sources '{path}' cannot be read: {problem}") from None
    unknown = [str(column) for column in columns if column not in known]
    if "fasta" not in columns or unknown or not rows:
        found = f"the columns {', '.join(columns)} and {len(rows)} rows"
        raise InputError(
            f"the table of sources '{path}' has {found}; it needs the column fasta, a row for each file, and"
            f" may have the columns {', '.join(known[1:])}"
        )
    if any(None in row or not row["fasta"] for row in rows):
        raise InputError(f"a row of the table of sources '{path}' has no FASTA or more cells than columns")
    given: list[dict[str, Any]] = [{column: cell or None for column, cell in row.items()} for row in rows]
    return [Source(**row) for row in given]


def read_source(source: Source, held_out: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield (contig name, upper-case bases) of one file, without loci of held-out chromosomes.

    Filters are not applied: whole contigs come.

    Raises:
        InputError: Some of a contig is held out.
    """
    refused, chromosomes = HeldOut(held_out), chromosomes_of(source)
    with Fasta(source.path) as fasta:
        for name, length in fasta.contigs.items():
            if refused.touches(name):
                raise InputError(
                    f"{fasta.name} holds contig {name}, which is held out; leave it out of the sources"
                )
            if not any(map(refused.touches, chromosomes.get(name, ()))):
                yield name, fasta.fetch(name, 0, length)


def chromosomes_of(source: Source) -> dict[str, set[str]]:
    """Contig name → chromosomes it lies on, from the table of locations.

    Raises:
        InputError: The table is missing or lacks a column: what is held out could not be told.
    """
    found: dict[str, set[str]] = {}
    if source.locations is None:
        return found
    path = expanded(source.locations)
    try:
        with path.open(newline="") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                found.setdefault(row["lrg"], set()).add(row["chrom"])
    except OSError as problem:
        raise InputError(f"the table of locations '{path}' cannot be read: {problem.strerror}") from None
    except KeyError as column:
        raise InputError(f"the table of locations '{path}' has no column {column}") from None
    return found
