"""What `cistron embed` reads: sequences of FASTA, BED and tables, each with what identifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from cistron.errors import InputError, OutOfBoundsError, SequenceError, UnknownContigError, WindowError
from cistron.formats.bed import read_bed
from cistron.formats.fasta import Fasta
from cistron.formats.fasta_stream import stream_records
from cistron.formats.sequence_table import SequenceTable
from cistron.formats.table import Cell, ColumnType
from cistron.genome import Interval
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import count_acgt, reverse_complement
from cistron.genome.sliding import slide

Span = tuple[int, int]
"""Part of a sequence that is pooled, 0-based half-open."""

_FETCHED_AT_ONCE = 1 << 20
_WINDOW_COLUMNS: dict[str, ColumnType] = {"window_start": int, "window_end": int}


class Text(NamedTuple):
    """A sequence to embed.

    Attributes:
        label: What to call it.
        ids: Cells of the identifying columns.
        bases: The sequence.
        span: Part of it that is pooled; None for all of it.
    """

    label: str
    ids: tuple[Cell, ...]
    bases: str
    span: Span | None = None


class Texts(Protocol):
    """Sequences that can be iterated again and again."""

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """Identifying columns and their types."""
        ...

    def __iter__(self) -> Iterator[Text]: ...


@dataclass(frozen=True)
class Cutting:
    """How sequences are cut before they are read.

    Attributes:
        window: Length of sliding windows in bp; None leaves sequences whole.
        stride: Step between them in bp; the window's length when None.
        most: Longest sequence that the model reads whole.
    """

    window: int | None
    stride: int | None
    most: int

    def cut(self, pieces: Iterator[str], name: str) -> Iterator[tuple[int, str]]:
        """Yield (start, bases) of every window, or the whole sequence as the only one.

        Raises:
            SequenceError: The sequence is empty.
            WindowError: It stays whole and is longer than `most`.
        """
        if self.window is None:
            yield 0, self._whole(pieces, name)
            return
        windows = slide(pieces, self.window, self.stride)
        first = next(windows, None)
        if first is None:
            raise SequenceError(f"{name} is empty; give it at least one base or leave it out")
        yield first
        yield from windows

    def _whole(self, pieces: Iterator[str], name: str) -> str:
        """All pieces in one, stopping as soon as they are too many."""
        held: list[str] = []
        length = 0
        for piece in pieces:
            held.append(piece)
            length += len(piece)
            if length > self.most:
                raise WindowError(
                    f"{name} is longer than the {self.most:,} bases that the model reads; cut it into windows"
                    " with --window"
                )
        return "".join(held)


@dataclass(frozen=True)
class FastaTexts:
    """The records of a FASTA file, or their windows; names may come again, since order identifies records."""

    path: Path
    cutting: Cutting

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """Name, length, bases that are A, C, G or T, and where a window lies."""
        own: dict[str, ColumnType] = {"name": str, "length": int, "acgt": int}
        return own | (_WINDOW_COLUMNS if self.cutting.window else {})

    def __iter__(self) -> Iterator[Text]:
        for name, pieces in stream_records(self.path, unique=False):
            letters = (piece.decode("latin-1") for piece in pieces)
            for start, bases in self.cutting.cut(letters, f"'{name}'"):
                ids = len(bases), count_acgt(bases)
                if self.cutting.window is None:
                    yield Text(name, (name, *ids), bases)
                    continue
                end = start + len(bases)
                label = f"{name}:{start + 1}-{end}"
                yield Text(label, (label, *ids, start, end), bases)


@dataclass(frozen=True)
class TableTexts:
    """The rows of a table, or the windows of their sequences, with all other columns."""

    table: SequenceTable
    cutting: Cutting

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """The table's other columns, and where a window lies."""
        return {**self.table.kept, **(_WINDOW_COLUMNS if self.cutting.window else {})}

    def __iter__(self) -> Iterator[Text]:
        names = list(self.table.kept)
        named = next((names.index(name) for name in ("name", "id") if name in names), None)
        for number, row in enumerate(self.table, 1):
            label = f"row {number}" if named is None else str(row.kept[named])
            for start, bases in self.cutting.cut(
                iter([row.sequence]), f"row {number:,} of {self.table.name}"
            ):
                if self.cutting.window is None:
                    yield Text(label, row.kept, bases)
                    continue
                end = start + len(bases)
                yield Text(f"{label}:{start + 1}-{end}", (*row.kept, start, end), bases)


@dataclass(frozen=True)
class BedTexts:
    """Intervals of a genome, their windows, or windows around them that are pooled over the interval.

    On the minus strand the reverse complement is read.

    Attributes:
        path: The BED file.
        reference: The genome.
        cutting: How intervals are cut; windows slide along the plus strand.
        width: Read so many bases centred on the interval, less at a contig's end; None reads the interval.
    """

    path: Path
    reference: Fasta
    cutting: Cutting
    width: int | None = None

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """Where the interval or window lies, 0-based half-open, and what is read for it."""
        return {
            "chrom": str,
            "start": int,
            "end": int,
            "strand": str,
            "name": str,
            "length": int,
            "acgt": int,
        }

    def __iter__(self) -> Iterator[Text]:
        names = ContigNames(self.reference.contigs)
        for interval in read_bed(self.path):
            chrom = self._checked(interval, names)
            if self.width is not None:
                yield self._around(interval, chrom, self.width)
                continue
            for start, bases in self.cutting.cut(self._pieces(interval, chrom), _place(interval)):
                first = interval.start + start
                yield _text(replace(interval, start=first, end=first + len(bases)), bases)

    def _checked(self, interval: Interval, names: ContigNames) -> str:
        """The reference's name for the interval's contig, on which the interval must lie."""
        chrom = names.resolve(interval.chrom)
        if chrom is None:
            raise UnknownContigError(
                f"{_place(interval)}: contig '{interval.chrom}' is not in {self.reference.name}"
            )
        length = self.reference.contigs[chrom]
        if interval.end > length:
            raise OutOfBoundsError(f"{_place(interval)} reaches beyond the contig of {length:,} bases")
        if not len(interval):
            raise SequenceError(f"{_place(interval)} is empty; leave it out")
        return chrom

    def _pieces(self, interval: Interval, chrom: str) -> Iterator[str]:
        for start in range(interval.start, interval.end, _FETCHED_AT_ONCE):
            yield self.reference.fetch(chrom, start, min(start + _FETCHED_AT_ONCE, interval.end))

    def _around(self, interval: Interval, chrom: str, width: int) -> Text:
        if len(interval) > width:
            raise WindowError(f"{_place(interval)} has {len(interval):,} bases; --width is {width:,}")
        middle = (interval.start + interval.end) // 2
        start = max(0, middle - width // 2)
        end = min(middle - width // 2 + width, self.reference.contigs[chrom])
        bases = self.reference.fetch(chrom, start, end)
        return _text(interval, bases, (interval.start - start, interval.end - start))


def _text(interval: Interval, bases: str, span: Span | None = None) -> Text:
    """The text of an interval in its reading direction; `bases` and `span` are those of the plus strand."""
    if interval.strand == "-":
        bases = reverse_complement(bases)
        span = None if span is None else (len(bases) - span[1], len(bases) - span[0])
    place = interval.chrom, interval.start, interval.end, interval.strand
    label = f"{interval.name or interval.chrom}:{interval.start + 1}-{interval.end}"
    return Text(label, (*place, interval.name, len(bases), count_acgt(bases)), bases, span)


def _place(interval: Interval) -> str:
    where = f"{interval.chrom}:{interval.start + 1:,}-{interval.end:,}"
    return f"interval {where}" + (f" ({interval.name})" if interval.name else "")


def parse_span(text: str) -> Span:
    """`START-END`, counted from 1 with both ends included, as a span.

    Raises:
        InputError: It is not that.
    """
    first, dash, last = text.replace(",", "").partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise InputError(f"--interval {text}: write START-END, counted from 1, both ends included")
    return int(first) - 1, int(last)
