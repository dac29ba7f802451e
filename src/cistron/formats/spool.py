"""Inputs that can be read only once, or not from the middle: copied to a temporary file first."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from cistron.errors import InputError
from cistron.formats.atomic import STREAM, writing
from cistron.formats.bgzf import DAMAGE, first_bytes, is_bgzf, is_gzip


@contextmanager
def seekable(path: str | Path) -> Iterator[Path]:
    """A path that can be read again and again: `path` itself, or a temporary copy for the time of the block.

    Standard input (`-`), pipes and ordinary gzip are copied, gzip decompressed; plain and BGZF files are not.

    Raises:
        InputError: The input is missing, empty, or damaged gzip.
        OutputError: The temporary folder is full.
    """
    source = Path(path)
    if str(path) != STREAM and (source.is_file() or not source.exists() or source.is_dir()):
        head = first_bytes(source)
        if is_bgzf(head) or not is_gzip(head):
            yield source
            return
    with tempfile.TemporaryDirectory(prefix="cistron-") as folder:
        copy = Path(folder) / "input"
        name = "standard input" if str(path) == STREAM else str(path)
        with writing(copy), copy.open("wb") as target:
            if str(path) == STREAM:
                _copy(sys.stdin.buffer, target, name)
            else:
                with source.open("rb") as stream:
                    _copy(stream, target, name)
        yield copy


def _copy(source: IO[bytes], target: IO[bytes], name: str) -> None:
    head = source.read(18)
    if not head:
        raise InputError(f"{name} is empty; check the command before it")
    joined = cast(IO[bytes], _Rejoined(head, source))
    if not is_gzip(head) or is_bgzf(head):
        shutil.copyfileobj(joined, target, 1 << 20)
        return
    try:
        with gzip.GzipFile(fileobj=joined, mode="rb") as plain:
            shutil.copyfileobj(plain, target, 1 << 20)
    except DAMAGE as error:
        raise InputError(f"{name} is damaged or cut short ({error}); copy or download it again") from error


class _Rejoined:
    """A stream whose first bytes were already read."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head, b""
        if 0 <= size < len(head):
            self._head = head[size:]
            return head[:size]
        return head + self._rest.read(size - len(head) if size >= 0 else -1)
