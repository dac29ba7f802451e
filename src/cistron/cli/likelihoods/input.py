"""Sequences to score, streamed from FASTA again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cistron.formats.fasta_stream import stream_records
from cistron.genome.dna import require_dna


class Record(NamedTuple):
    """A sequence of the input: its name and its length in bp."""

    name: str
    length: int


@dataclass(frozen=True)
class Sequences:
    """The records of a FASTA file, read from the start each time they are asked for.

    Attributes:
        path: The file.
        name: What to call it in messages.
        unique: Whether names identify records, as those of contigs do; otherwise their order does, and a name
            may come again.
    """

    path: Path
    name: str
    unique: bool = True

    def texts(self) -> Iterator[tuple[str, Iterator[str]]]:
        """Each record's name and its letters in pieces.

        Raises:
            InputError: The file is missing, empty, damaged or not FASTA, or names come again and must not.
            SequenceError: A letter is not a nucleotide code.
        """
        for name, pieces in stream_records(self.path, unique=self.unique):
            yield name, self._letters(name, pieces)

    def records(self) -> Iterator[Record]:
        """Each record's name and length; errors are those of `texts`."""
        for name, pieces in self.texts():
            yield Record(name, sum(map(len, pieces)))

    def _letters(self, name: str, pieces: Iterable[bytes]) -> Iterator[str]:
        at = 0
        for piece in pieces:
            text = piece.decode("latin-1")
            require_dna(text, f"{self.name} record {name}", at)
            at += len(text)
            yield text
