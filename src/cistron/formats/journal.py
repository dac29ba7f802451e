"""The journal of a long run: what is known so far, safe against a kill at any moment.

A run appends blocks of bytes; the output file is written from the journal at the end. A block that was cut
short, or never reached the disk, fails its checksum and is computed again.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from cistron.errors import OutputError, ResumeError
from cistron.formats.atomic import output_error

_MAGIC: Final = b"cistron journal "
_BLOCK: Final = struct.Struct("<QQI")  # bytes of the payload, note, CRC-32 of both


class Journal:
    """An append-only file of blocks; a context manager that holds the file for one process.

    Args:
        path: The file.
        identity: Everything the content depends on; a run can only resume a journal of the same identity.
        resume: Keep what an earlier run of the same identity left; otherwise start empty.
        protect: Refuse to start empty where that would throw blocks away.

    Attributes:
        path: The file.
        done: Blocks that are safe.
        note: That of the last of them, such as the batch size it was computed with; None before the first.
        notes: Those of all.

    Raises:
        ResumeError: The journal belongs to other inputs or settings, is protected, another process is writing
            it, or the file is something else.
        OutputError: The file cannot be written.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], *, resume: bool, protect: bool = False
    ) -> None:
        self.path: Final = path
        self.done = 0
        self.note: int | None = None
        self.notes: Final[set[int]] = set()
        self._file: Final = _locked(path)
        try:
            self._start = self._opened(identity, resume, protect)
        except BaseException as error:
            self._close()
            if isinstance(error, OutputError):  # not even the header could be written
                self.remove()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def append(self, payload: bytes, note: int = 0) -> None:
        """Add one block and a number that a resumed run needs to go on alike.

        Raises:
            OutputError: The disk is full.
        """
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(_BLOCK.pack(len(payload), note, _checksum(payload, note)) + payload)
            self._file.flush()
        except OSError as error:
            raise output_error(self.path, error) from error
        self._count(note)

    def __iter__(self) -> Iterator[bytes]:
        """Payloads of whole blocks in order, one in memory at a time, up to the first damaged one."""
        return (payload for payload, _ in self._blocks())

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Payloads and notes."""
        position = self._start
        size = os.fstat(self._file.fileno()).st_size
        while True:
            self._file.seek(position)
            head = self._file.read(_BLOCK.size)
            if len(head) < _BLOCK.size:
                return
            length, note, checksum = _BLOCK.unpack(head)
            position += _BLOCK.size + length
            if position > size:
                return
            payload = self._file.read(length)
            if _checksum(payload, note) != checksum:
                return
            yield payload, note

    def remove(self) -> None:
        """Delete the file: the output is complete."""
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        # After a failed write the buffer tries again here; that failure has been told already.
        with suppress(OSError):
            self._file.close()

    def _count(self, note: int) -> None:
        self.done, self.note = self.done + 1, note
        self.notes.add(note)

    def _opened(self, identity: Mapping[str, Any], resume: bool, protect: bool) -> int:
        """Position of the first block, behind a header of this identity."""
        header = _MAGIC + json.dumps(identity, sort_keys=True).encode() + b"\n"
        found = self._file.readline(1 << 20)
        if not (found.startswith(_MAGIC) or _MAGIC.startswith(found)):
            raise ResumeError(
                f"{self.path} is in the way and is not a journal of a run; remove it or choose another output"
            )
        if resume and found.endswith(b"\n"):
            if found != header:
                raise ResumeError(f"cannot resume {self.path}: {_difference(found, identity)}")
            self._start = end = len(header)
            for payload, note in self._blocks():
                end += _BLOCK.size + len(payload)
                self._count(note)
            self._file.truncate(end)
        else:
            if protect:
                self._start = len(found)
                self._refuse_loss()
            self._file.seek(0)
            self._file.truncate()
            try:
                self._file.write(header)
                self._file.flush()
            except OSError as error:
                raise output_error(self.path, error) from error
        return len(header)

    def _refuse_loss(self) -> None:
        if next(self._blocks(), None) is not None:
            raise ResumeError(
                f"{self.path} is of a run that did not finish; give --resume to continue it, or remove that "
                "file to start over"
            )


def _checksum(payload: bytes, note: int) -> int:
    return zlib.crc32(note.to_bytes(8, "little"), zlib.crc32(payload))


def _locked(path: Path) -> IO[bytes]:
    """The file at `path`, made if missing, open and locked for this process alone."""
    while True:
        try:
            # Opening must not empty the file: only who holds the lock may.
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except OSError as error:
            raise output_error(path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ResumeError(f"{path} is in use: another run is writing this output") from None
        # A run that ends between our opening and our locking takes the file's name away.
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        file.close()


def _difference(found: bytes, identity: Mapping[str, Any]) -> str:
    """Which parts of the identity changed, in words."""
    try:
        before = json.loads(found.removeprefix(_MAGIC))
    except ValueError:
        return "its first line is damaged; remove it to start over"
    changed = [name for name in identity if before.get(name) != identity[name]]
    details = ", ".join(f"{name} was {before.get(name)!r} and is {identity[name]!r}" for name in changed)
    return f"{details}; use the same inputs and settings, or remove it to start over"
