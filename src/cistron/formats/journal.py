"""The journal of a scoring run: what is known so far, safe against a kill at any moment.

A run appends whole blocks of scores; the output file is written from the journal at the end. A block that was
cut short, or never reached the disk, fails its checksum and is computed again.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple

from cistron.errors import ResumeError
from cistron.formats.atomic import output_error
from cistron.genome.alleles import AlleleStatus

_BLOCK: Final = struct.Struct("<II")  # number of entries, CRC-32 of what follows
_ENTRY: Final = struct.Struct("<Bdd")  # status (0: scored), llr, flank
_STATUSES: Final = tuple(AlleleStatus)


class JournalEntry(NamedTuple):
    """What became of one allele: a score in nats, or the reason why there is none."""

    llr: float | None
    flank: float | None
    status: AlleleStatus | None


class ScoreJournal:
    """An append-only file of blocks of `JournalEntry`; a context manager that holds the file for one process.

    Args:
        path: The file.
        identity: Everything the scores depend on; a run can only resume a journal of the same identity.
        resume: Keep what an earlier run of the same identity left; otherwise start empty.

    Attributes:
        path: The file.
        done: Entries that are safe.

    Raises:
        ResumeError: The journal belongs to other inputs or settings, or another process is writing it.
        OutputError: The file cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, resume: bool) -> None:
        self.path: Final = path
        self.done = 0
        try:
            self._file: Final[IO[bytes]] = path.open("r+b" if path.exists() else "w+b")
        except OSError as error:
            raise output_error(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ResumeError(f"{path} is in use: another run is writing this output") from None
        self._start = self._opened(identity, resume)

    def __enter__(self) -> ScoreJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Add one block.

        Raises:
            OutputError: The disk is full.
        """
        payload = b"".join(map(_packed, entries))
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(_BLOCK.pack(len(entries), zlib.crc32(payload)) + payload)
            self._file.flush()
        except OSError as error:
            raise output_error(self.path, error) from error
        self.done += len(entries)

    def __iter__(self) -> Iterator[JournalEntry]:
        """All entries in order, in flat memory."""
        for payload in self._blocks():
            for number, llr, flank in _ENTRY.iter_unpack(payload):
                if number:
                    yield JournalEntry(None, None, _STATUSES[number - 1])
                else:
                    yield JournalEntry(llr, flank, None)

    def remove(self) -> None:
        """Delete the file: the output is complete."""
        self.path.unlink(missing_ok=True)

    def _opened(self, identity: Mapping[str, Any], resume: bool) -> int:
        """Position of the first block, behind a header of this identity."""
        header = json.dumps(identity, sort_keys=True).encode() + b"\n"
        found = self._file.readline()
        if resume and found:
            if found != header:
                raise ResumeError(f"cannot resume {self.path}: {_difference(found, identity)}")
            self._start = len(header)
            end = self._start
            for payload in self._blocks():
                end += _BLOCK.size + len(payload)
                self.done += len(payload) // _ENTRY.size
            self._file.truncate(end)
        else:
            self._file.seek(0)
            self._file.truncate()
            try:
                self._file.write(header)
                self._file.flush()
            except OSError as error:
                raise output_error(self.path, error) from error
        return len(header)

    def _blocks(self) -> Iterator[bytes]:
        """Payloads of whole blocks, up to the first damaged one."""
        position = self._start
        while True:
            self._file.seek(position)
            head = self._file.read(_BLOCK.size)
            if len(head) < _BLOCK.size:
                return
            count, checksum = _BLOCK.unpack(head)
            payload = self._file.read(count * _ENTRY.size)
            if len(payload) < count * _ENTRY.size or zlib.crc32(payload) != checksum or not count:
                return
            position += _BLOCK.size + len(payload)
            yield payload


def _packed(entry: JournalEntry) -> bytes:
    if entry.status is not None:
        return _ENTRY.pack(1 + _STATUSES.index(entry.status), 0.0, 0.0)
    assert entry.llr is not None
    assert entry.flank is not None
    return _ENTRY.pack(0, entry.llr, entry.flank)


def _difference(found: bytes, identity: Mapping[str, Any]) -> str:
    """Which parts of the identity changed, in words."""
    try:
        before = json.loads(found)
    except ValueError:
        return "it is not a scoring journal; remove it or choose another output"
    changed = [name for name in identity if before.get(name) != identity[name]]
    details = ", ".join(f"{name} was {before.get(name)!r} and is {identity[name]!r}" for name in changed)
    return f"{details}; use the same inputs and settings, or leave out --resume"
