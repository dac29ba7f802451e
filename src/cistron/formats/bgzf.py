"""BGZF: gzip in blocks that can be indexed, the compression of VCF and FASTA.

Reading is left to htslib and Python's gzip, which reads BGZF like any gzip file.
Source: SAM specification v1, section 4.1, "The BGZF compression format".
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from cistron.errors import InputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

EOF_BLOCK: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every complete file."""

DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile)
"""What Python's gzip raises when a compressed file is damaged or cut short."""

_GZIP: Final = b"\x1f\x8b"
_BLOCK_HEAD: Final = bytes.fromhex("1f8b08040000000000ff060042430200")
_BLOCK_BYTES: Final = 0xFF00  # htslib's: even incompressible data then fits the 16-bit size of a block
_LEVEL: Final = 5  # on VCF text nearly twice as fast as zlib's default 6 for 2% more bytes


class BgzfWriter(io.RawIOBase):
    """A raw binary stream that compresses into another; `bgzf_output` puts the needed buffer before it.

    htslib's own writer, as Python sees it, hides why a write failed and prints a traceback when the disk is
    full.

    Args:
        stream: Where the blocks go. Closing the writer ends the file with `EOF_BLOCK` and closes `stream`.
        level: zlib level, 0 to 9.
    """

    def __init__(self, stream: IO[bytes], level: int = _LEVEL) -> None:
        super().__init__()
        self._stream = stream
        self._level = level

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Compress all of `data` into blocks; returns its length in bytes."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _BLOCK_BYTES):
            self._stream.write(_block(view[start : start + _BLOCK_BYTES], self._level))
        return len(view)

    def close(self) -> None:
        """End the file and close it."""
        if self.closed:
            return
        try:
            self._stream.write(EOF_BLOCK)
        finally:
            super().close()
            self._stream.close()


def bgzf_output(path: Path, level: int = _LEVEL) -> io.BufferedWriter:
    """A buffered binary stream that writes a BGZF file.

    Raises:
        OSError: The file cannot be opened.
    """
    return io.BufferedWriter(BgzfWriter(path.open("wb"), level), buffer_size=_BLOCK_BYTES)


def is_gzip(head: bytes) -> bool:
    """Whether a file that begins with `head` is gzip of any kind."""
    return head.startswith(_GZIP)


def is_bgzf(head: bytes) -> bool:
    """Whether a file that begins with `head` (18 bytes suffice) is BGZF."""
    return is_gzip(head) and head[3:4] == b"\x04" and head[12:14] == b"BC"


def first_bytes(path: Path, count: int = 18) -> bytes:
    """The first bytes of a file that must exist and not be empty.

    Raises:
        InputError: The file is missing, empty, a folder or not readable.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(count)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the name") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name a file in it") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not head:
        raise InputError(f"{path} is empty; make or copy it again")
    return head


def require_complete(path: Path, name: str = "") -> None:
    """Return silently when a BGZF file ends with its end marker.

    Args:
        path: The file.
        name: What to call it in messages; `path` when empty.

    Raises:
        InputError: The marker is missing, so the file was cut short.
    """
    with path.open("rb") as stream:
        stream.seek(-min(len(EOF_BLOCK), path.stat().st_size), io.SEEK_END)
        if stream.read() == EOF_BLOCK:
            return
    raise InputError(
        f"{name or path} is cut short: its BGZF end marker is missing; copy or download it again"
    )


def read_chunks(path: Path, size: int = 1 << 20, name: str = "") -> Iterator[bytes]:
    """The bytes of a file, plain or gzip of any kind, decompressed, in pieces of at most `size`.

    Args:
        path: The file.
        size: Largest piece in bytes.
        name: What to call it in messages; `path` when empty.

    Raises:
        InputError: The file is missing or empty, or its compression is damaged or cut short.
    """
    opened = gzip.open if is_gzip(first_bytes(path)) else io.open
    with _damage_as_input_error(name or str(path)), opened(path, "rb") as stream:
        while piece := stream.read(size):
            yield piece


def read_lines(path: Path, name: str = "") -> Iterator[str]:
    """The lines of a text file, plain or gzip of any kind, without their line ends (LF or CRLF).

    Bytes that are not UTF-8 survive being written again with `errors="surrogateescape"`.

    Args:
        path: The file.
        name: What to call it in messages; `path` when empty.

    Raises:
        InputError: The file is missing or empty, or its compression is damaged or cut short.
    """
    opened = gzip.open if is_gzip(first_bytes(path)) else io.open
    with (
        _damage_as_input_error(name or str(path)),
        opened(path, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as stream,
    ):
        for line in stream:
            yield line.rstrip("\r\n")


@contextmanager
def _damage_as_input_error(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise InputError(f"{name} is damaged or cut short ({error}); copy or download it again") from error


def _block(data: memoryview, level: int) -> bytes:
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    size = len(_BLOCK_HEAD) + 2 + len(body) + 8
    checksum = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return _BLOCK_HEAD + (size - 1).to_bytes(2, "little") + body + checksum
