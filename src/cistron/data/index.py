"""The index of a corpus folder: which files it has, what they hold, and how they are checked."""

from __future__ import annotations

import hashlib
import io
import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from cistron.errors import InputError
from cistron.formats.atomic import atomic_output

C = TypeVar("C")

FORMAT: Final = "cistron-corpus"
VERSION: Final = 1
INDEX: Final = "corpus.json"
"""Written last: a folder without it is no corpus, or one that is being built."""

BUILDING: Final = "building.json"
RUNS: Final = "runs.npy"
STRETCHES: Final = "stretches.npy"
GENES: Final = "genes.npy"
TABLES: Final = (RUNS, STRETCHES, GENES)

SHARD_BYTES: Final = 64 << 20

RUN: Final = np.dtype([("start", "<i8"), ("end", "<i8"), ("letter", "u1")])
"""A run of one letter other than A, C, G, T: positions in the corpus, 0-based half-open."""

PLACE: Final = np.dtype([("contig", "<i8"), ("start", "<i8"), ("end", "<i8")])
"""A stretch of a contig: its number in the corpus, coordinates 0-based half-open."""


@dataclass(frozen=True)
class ContigRow:
    """A contig as the index has it.

    Attributes:
        name: As its FASTA has it.
        source: Number of its source.
        length: In bp.
        offset: Position of its first base in the corpus, a multiple of 4.
    """

    name: str
    source: int
    length: int
    offset: int


def contigs_of(contigs: Sequence[C], source: int) -> range:
    """Numbers of the contigs of one source, which follow one another."""
    return range(
        bisect_left(contigs, source, key=attrgetter("source")),
        bisect_right(contigs, source, key=attrgetter("source")),
    )


@dataclass(frozen=True)
class SourceRow:
    """What became of one source.

    Attributes:
        name: Given, or the name of its file.
        assembly: Given.
        fasta: File name without its folder.
        sha256: Of the FASTA file as it was read.
        bases: Positions in its contigs.
        usable: Positions in stretches that windows are cut from.
        duplicates: Positions that were left out because an earlier source has them.
        letters: Every letter but A, C, G, T → how often.
        left_out: Contigs that lie on held-out chromosomes and are not in the corpus.
        has_genes: Whether its annotation was read, even if it names no gene here.
    """

    name: str
    assembly: str | None
    fasta: str
    sha256: str
    bases: int = 0
    usable: int = 0
    duplicates: int = 0
    letters: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    has_genes: bool = False


@dataclass(frozen=True)
class FileRow:
    """A file of the corpus: name, size in bytes, SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """All that `corpus.json` says.

    Attributes:
        sources: In the order given.
        contigs: In the order of their bases.
        shards: Packed bases; all but the last are `shard_bytes` long.
        tables: Runs, stretches and genes.
        shard_bytes: Size of a shard.
        longest_gap: Longest run of other letters inside a stretch, in bp.
        held_out: Regions that were held out, as they were written.
        held_out_kept: Whether bases of them are in the corpus all the same.
        letters: What is a base and what happens to the rest.
        request: Settings and hashes of files that the corpus was built from.
    """

    sources: tuple[SourceRow, ...]
    contigs: tuple[ContigRow, ...]
    shards: tuple[FileRow, ...]
    tables: tuple[FileRow, ...]
    shard_bytes: int
    longest_gap: int
    held_out: tuple[str, ...]
    held_out_kept: bool
    letters: str
    request: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Identity of the data: names and lengths of contigs, bases, runs, stretches and genes.

        Neither paths nor names of sources nor times are part of it.
        """
        lines = [f"{FORMAT} {VERSION}"]
        lines += [f"{contig.name}\t{contig.length}" for contig in self.contigs]
        lines += [file.sha256 for file in (*self.shards, *self.tables)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_index(folder: Path, index: Index) -> None:
    """Write `corpus.json` in one step, which makes `folder` a corpus.

    Raises:
        OutputError: The disk is full.
    """
    content = {"format": FORMAT, "version": VERSION, "sha256": index.sha256} | asdict(index)
    with atomic_output(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_index(folder: Path) -> Index:
    """The index of a finished corpus.

    Raises:
        InputError: The folder holds no corpus, a half-built one or one of another version, or its index is
            damaged.
    """
    path = folder / INDEX
    if not path.is_file():
        if (folder / BUILDING).exists():
            raise InputError(
                f"the corpus in {folder} is not finished; continue it with cistron data build --resume"
            )
        raise InputError(f"{folder} is not a corpus: it has no {INDEX}; make one with cistron data build")
    content = _content(path)
    version = content.get("version")
    if content.get("format") != FORMAT or version != VERSION:
        raise InputError(
            f"{path} is {content.get('format')!r} version {version!r}; this program reads {FORMAT!r} version"
            f" {VERSION}; build the corpus again"
        )
    try:
        index = _index(content)
        damaged = index.sha256 != content["sha256"]
    except (KeyError, TypeError):
        damaged = True
    if damaged:
        raise InputError(f"{path} is damaged; build or copy the corpus again")
    return index


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path} is not readable JSON; build or copy the corpus again") from None
    return content if isinstance(content, dict) else {}


def _index(content: dict[str, Any]) -> Index:
    def rows(kind: Any, key: str) -> tuple[Any, ...]:
        return tuple(kind(**row) for row in content[key])

    return Index(
        sources=rows(SourceRow, "sources"),
        contigs=rows(ContigRow, "contigs"),
        shards=rows(FileRow, "shards"),
        tables=rows(FileRow, "tables"),
        shard_bytes=content["shard_bytes"],
        longest_gap=content["longest_gap"],
        held_out=tuple(content["held_out"]),
        held_out_kept=content["held_out_kept"],
        letters=content["letters"],
        request=content["request"],
    )


def npy_bytes(table: np.ndarray) -> bytes:
    """`table` as the content of a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, table, allow_pickle=False)
    return stream.getvalue()


def write_bytes(path: Path, content: bytes | bytearray) -> FileRow:
    """Write a file in one step and return its row.

    Raises:
        OutputError: The folder is missing or read-only, or the disk is full.
    """
    with atomic_output(path) as temporary:
        temporary.write_bytes(content)
    return FileRow(path.name, len(content), hashlib.sha256(content).hexdigest())


def places(rows: Sequence[tuple[int, int, int]] | np.ndarray) -> np.ndarray:
    """Rows (contig, start, end) as a table of `PLACE`."""
    table = np.empty(len(rows), dtype=PLACE)
    columns = np.asarray(rows, dtype=np.int64).reshape(-1, 3)
    for number, name in enumerate(("contig", "start", "end")):
        table[name] = columns[:, number]
    return table
