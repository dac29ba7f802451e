"""Sequences with labels: delimited text with a header, or FASTA, plain or gzip."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from cistron.errors import InputError
from cistron.genome.sequence import is_nucleotides

_LONGEST_FIELD = 1 << 24


class Labelled(NamedTuple):
    """One line.

    Attributes:
        name: What the file calls it; its number, from 0, where it has no name.
        sequence: Upper-case bases.
        label: As written.
    """

    name: str
    sequence: str
    label: str


def read_delimited(path: str | Path, *, sequence: str, label: str, delimiter: str = ",") -> list[Labelled]:
    """All rows of a table of sequences.

    Args:
        path: Text with a header line, plain or gzip.
        sequence: Name of the column with bases, in either case.
        label: Name of the column with the class.
        delimiter: Between columns.

    Raises:
        InputError: The file is missing, cut short or empty, lacks a column, or a sequence is not DNA.
    """
    rows = read_rows(path, (sequence, label), delimiter=delimiter)
    return [labelled(str(number), row[sequence], row[label], path, number) for number, row in enumerate(rows)]


def read_rows(path: str | Path, columns: Collection[str], *, delimiter: str = ",") -> list[dict[str, str]]:
    """All rows of a small table, column → text.

    Args:
        path: Text with a header line, plain or gzip.
        columns: Columns that must be there.
        delimiter: Between columns.

    Raises:
        InputError: The file is missing, cut short or empty, lacks a column, or a row is shorter than its
            header.
    """
    with text_of(path) as stream:
        table = csv.DictReader(stream, delimiter=delimiter)
        missing = set(columns) - set(table.fieldnames or ())
        if missing:
            found = ", ".join(table.fieldnames or ()) or "nothing"
            raise InputError(f"{path} has no column {', '.join(sorted(missing))}; its header is: {found}")
        rows = list(table)
    if not rows:
        raise InputError(f"{path} holds no rows below its header")
    for number, row in enumerate(rows):
        if any(row[name] is None for name in columns):
            raise InputError(f"{path}: row {number + 1} is cut short; get the file again")
    return rows


def read_fasta_records(path: str | Path, label: str) -> list[Labelled]:
    """All records of a small FASTA file, each with the label given.

    Raises:
        InputError: The file is missing, cut short, empty or not FASTA.
    """
    names: list[str] = []
    parts: list[list[str]] = []
    with text_of(path) as stream:
        for line in stream:
            if line.startswith(">"):
                names.append(line[1:].strip())
                parts.append([])
            elif line.strip():
                if not names:
                    raise InputError(f"{path} is not FASTA: its first line does not begin with >")
                parts[-1].append(line.strip())
    if not names:
        raise InputError(f"{path} holds no sequences")
    return [
        Labelled(name, _bases("".join(lines), path, number), label)
        for number, (name, lines) in enumerate(zip(names, parts, strict=True))
    ]


def labelled(name: str, sequence: str, label: str, path: str | Path, number: int) -> Labelled:
    """A line whose sequence and label were looked at; `number` of the line, from 0, is for messages.

    Raises:
        InputError: The sequence is empty or not DNA, or there is no label.
    """
    return Labelled(name, _bases(sequence, path, number), _label(label, path, number))


@contextmanager
def text_of(path: str | Path) -> Iterator[IO[str]]:
    """A text file, plain or gzip, opened to read.

    Raises:
        InputError: It is missing, cut short, or neither text nor gzip.
    """
    path = Path(path)
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with gzip.open(path, "rt") if path.name.endswith(".gz") else path.open() as stream:
            yield stream
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (EOFError, zlib.error):
        raise InputError(f"{path} is cut short; get the file again") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"cannot read {path}: {problem}") from None


def _bases(text: str, path: str | Path, number: int) -> str:
    bases = text.strip().upper()
    if not bases or not is_nucleotides(bases):
        what = "is empty" if not bases else f"holds '{bases[:20]}…', which is not DNA"
        raise InputError(f"{path}: sequence {number + 1} {what}")
    return bases


def _label(text: str, path: str | Path, number: int) -> str:
    if not text.strip():
        raise InputError(f"{path}: sequence {number + 1} has no label")
    return text.strip()
