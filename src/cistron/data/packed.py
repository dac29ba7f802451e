"""A corpus on disk, read through memory maps: bases by contig and coordinate, or in bulk as token ids."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int, UInt8

from cistron.data.index import GENES, RUNS, STRETCHES, FileRow, Index, SourceRow, contigs_of, read_index
from cistron.data.letters import CODES, PER_BYTE, Lookup
from cistron.data.spans import Spans
from cistron.errors import InputError, OutOfBoundsError
from cistron.formats.atomic import sha256_file
from cistron.genome import Interval, Strand


@dataclass(frozen=True)
class Contig:
    """A contig of a corpus.

    Attributes:
        name: As its FASTA has it.
        source: Number of its source in `PackedCorpus.sources`.
        length: In bp.
        offset: Position of its first base in the corpus.
        stretches: Rows (start, end), 0-based half-open: what windows may be cut from.
        genes: Rows (start, end) of its genes, merged where they touch.
    """

    name: str
    source: int
    length: int
    offset: int
    stretches: Spans
    genes: Spans


class PackedCorpus:
    """A finished corpus folder; `open` makes one. Reading is safe from several threads.

    A *position* counts the bases of all contigs one after another, each contig beginning at a multiple of 4;
    `Contig.offset` leads from coordinates to positions and `locate` back.

    Attributes:
        folder: Where it lies.
        index: What `corpus.json` says.
        sha256: Identity of the data: a hash over contents, not over paths or times.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder: Final = folder
        self.index: Final = index
        self.sha256: Final = index.sha256
        self._files: Final = {file.name: file for file in (*index.shards, *index.tables)}
        for file in self._files.values():
            _require_size(folder, file)
        self._shards: Final[list[np.ndarray | None]] = [None] * len(index.shards)

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> PackedCorpus:
        """The corpus in `folder`; sizes of files are always checked.

        Args:
            folder: As `build_corpus` made it.
            verify: Read everything and compare hashes too.

        Raises:
            InputError: The folder holds no finished corpus of this version, or a file is missing, cut short
                or, with `verify`, changed; the message names it.
        """
        corpus = cls(Path(folder), read_index(Path(folder)))
        if verify:
            corpus.verify()
        return corpus

    @property
    def num_bases(self) -> int:
        """Positions in all contigs, N included."""
        return sum(contig.length for contig in self.index.contigs)

    @property
    def sources(self) -> tuple[SourceRow, ...]:
        """Where the bases come from."""
        return self.index.sources

    @cached_property
    def contigs(self) -> tuple[Contig, ...]:
        """All contigs, in the order of their bases."""
        stretches = _by_contig(self._table(STRETCHES), len(self.index.contigs))
        genes = _by_contig(self._table(GENES), len(self.index.contigs))
        return tuple(
            Contig(row.name, row.source, row.length, row.offset, usable, near)
            for row, usable, near in zip(self.index.contigs, stretches, genes, strict=True)
        )

    def contigs_of(self, source: int) -> tuple[Contig, ...]:
        """The contigs of one source."""
        numbers = contigs_of(self.index.contigs, source)
        return self.contigs[numbers.start : numbers.stop]

    def codes(self, contig: int, start: int, end: int) -> UInt8[np.ndarray, "L"]:
        """Codes of `contig[start:end]`, 0-based half-open: 0 to 3 for A, C, G, T, 4 for anything else.

        Raises:
            OutOfBoundsError: The stretch reaches beyond the contig.
        """
        row = self.index.contigs[contig]
        if not 0 <= start <= end <= row.length:
            raise OutOfBoundsError(f"{row.name}:{start + 1:,}-{end:,} is not in its {row.length:,} bp")
        out = np.empty(end - start, dtype=np.uint8)
        self.read(row.offset + start, CODES, out)
        return out

    def read(
        self, position: int, lookup: Lookup, out: Int[np.ndarray, "L"], *, reverse: bool = False
    ) -> None:
        """Fill `out` with what `lookup` gives the bases from `position` on, which must lie in one contig.

        With `reverse` they are the reverse complement of the same stretch.
        """
        length = len(out)
        if not length:
            return
        first, last = position // PER_BYTE, -(-(position + length) // PER_BYTE)
        packed = self._bytes(first, last)
        if reverse:
            skipped = last * PER_BYTE - (position + length)
            values = lookup.reverse.take(packed[::-1], axis=0)
        else:
            skipped = position - first * PER_BYTE
            values = lookup.forward.take(packed, axis=0)
        out[:] = values.reshape(-1)[skipped : skipped + length]
        self._mask(position, lookup.other, out, reverse)

    def num_unknown(self, position: int, length: int) -> int:
        """How many of the `length` positions from `position` on are not A, C, G or T."""
        return self._unknown_before(position + length) - self._unknown_before(position)

    def locate(self, position: int, length: int = 1, strand: Strand = "+") -> Interval:
        """The stretch of a contig that `length` positions from `position` on are, named after its source."""
        number = bisect_right(self._offsets, position) - 1
        contig = self.index.contigs[number]
        start = position - contig.offset
        source = self.sources[contig.source].name
        return Interval(contig.name, start, start + length, strand, source)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Return silently when every file has the hash that it was written with.

        Args:
            progress: Called with bytes done and bytes in all.

        Raises:
            InputError: A file is missing or changed; the message names it.
        """
        done, in_all = 0, sum(file.bytes for file in self._files.values())
        for file in self._files.values():
            _require_size(self.folder, file)
            if sha256_file(self.folder / file.name) != file.sha256:
                raise InputError(
                    f"{self.folder / file.name} is damaged: its SHA-256 is not that of the index; build or"
                    " copy the corpus again"
                )
            done += file.bytes
            if progress is not None:
                progress(done, in_all)

    @cached_property
    def runs(self) -> np.ndarray:
        """Runs of letters other than A, C, G, T: a table of `index.RUN`, in the order of positions."""
        return self._table(RUNS)

    def _bytes(self, first: int, last: int) -> UInt8[np.ndarray, "P"]:
        """Packed bytes `first` to `last` of the corpus."""
        size = self.index.shard_bytes
        number, start = divmod(first, size)
        if last - number * size <= size:
            return self._shard(number)[start : last - number * size]
        parts = [self._shard(number)[start:]]
        for middle in range(number + 1, -(-last // size)):
            parts.append(self._shard(middle)[: last - middle * size])
        return np.concatenate(parts)

    def _shard(self, number: int) -> UInt8[np.ndarray, "S"]:
        shard = self._shards[number]
        if shard is None:
            path = self.folder / self.index.shards[number].name
            # A plain view: slicing a numpy.memmap makes another memmap each time, which is slow.
            shard = self._shards[number] = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        return shard

    def _mask(self, position: int, other: int, out: Int[np.ndarray, "L"], reverse: bool) -> None:
        length = len(out)
        number = bisect_right(self._run_ends, position)
        while number < len(self._run_ends) and self._run_starts[number] < position + length:
            start = max(self._run_starts[number] - position, 0)
            end = min(self._run_ends[number] - position, length)
            if reverse:
                start, end = length - end, length - start
            out[start:end] = other
            number += 1

    def _unknown_before(self, position: int) -> int:
        number = bisect_right(self._run_starts, position)
        beyond = max(self._run_ends[number - 1] - position, 0) if number else 0
        return self._run_totals[number] - beyond

    # A memory view is searched one number at a time several times faster than an array.
    @cached_property
    def _run_starts(self) -> memoryview[int]:
        return np.ascontiguousarray(self.runs["start"]).data

    @cached_property
    def _run_ends(self) -> memoryview[int]:
        return np.ascontiguousarray(self.runs["end"]).data

    @cached_property
    def _run_totals(self) -> memoryview[int]:
        """Positions in all runs before each, and in all."""
        return np.concatenate(([0], np.cumsum(self.runs["end"] - self.runs["start"]))).data

    @cached_property
    def _offsets(self) -> list[int]:
        return [contig.offset for contig in self.index.contigs]

    def _table(self, name: str) -> np.ndarray:
        try:
            table: np.ndarray = np.load(self.folder / name, allow_pickle=False)
        except (OSError, ValueError):
            raise InputError(f"{self.folder / name} is damaged; build or copy the corpus again") from None
        return table


def _require_size(folder: Path, file: FileRow) -> None:
    """Return silently when a file is there and as long as the index says.

    Raises:
        InputError: It is not.
    """
    path = folder / file.name
    size = path.stat().st_size if path.exists() else None
    if size != file.bytes:
        found = "is missing" if size is None else f"has {size:,} bytes where the index expects {file.bytes:,}"
        raise InputError(f"{path} {found}; build or copy the corpus again")


def _by_contig(table: np.ndarray, contigs: int) -> list[Spans]:
    """The (start, end) rows of each contig, from a table of `PLACE` in contig order."""
    bounds = np.searchsorted(np.ascontiguousarray(table["contig"]), np.arange(contigs + 1))
    spans = np.stack((table["start"], table["end"]), axis=1)
    return [spans[bounds[number] : bounds[number + 1]] for number in range(contigs)]
