"""Files as a whole: written in one step or not at all, told apart, and identified by their content."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cistron.errors import OutputError

STREAM: Final = "-"
"""The path that means standard input or standard output."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, which becomes `path` when the block ends without an exception.

    The temporary file lies in the same folder and ends in the same suffixes. After any exception, an
    interrupt included, it is removed and whatever `path` held before is untouched. A link is followed; a
    device or a pipe (`/dev/null`) is written directly.

    Raises:
        OutputError: The folder is missing or read-only, `path` is a folder, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if target.exists() and not target.is_file():
        with writing(path):
            yield target
        return
    temporary = target.with_name(f".{secrets.token_hex(4)}-{target.name}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise output_error(path, error) from error
    try:
        with writing(path):
            yield temporary
            temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn a full disk inside the block into an OutputError about `path`; other errors pass.

    Raises:
        OutputError: The disk is full, or a quota or a file-size limit is reached.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise output_error(path, error) from error
        raise


def output_error(path: str | Path, error: OSError) -> OutputError:
    """The one line that tells why `path` cannot be written."""
    folder = Path(path).parent
    if error.errno in _FULL:
        reason = "the disk is full; free some space or write elsewhere"
    elif error.errno == errno.ENOENT:
        reason = f"the folder {folder} does not exist; create it first"
    elif error.errno == errno.ENOTDIR:
        reason = f"{folder} is not a folder; choose another place"
    elif error.errno in _FORBIDDEN:
        reason = f"the folder {folder} is read-only; choose another place or change its permissions"
    else:
        reason = error.strerror or str(error)
    return OutputError(f"cannot write {path}: {reason}")


def refuse_same_file(source: str | Path, output: str | Path) -> None:
    """Return silently when `output` is another file than `source`; standard streams are never the same.

    Raises:
        OutputError: Writing `output` would destroy `source`.
    """
    if STREAM in (str(source), str(output)):
        return
    with suppress(OSError):
        if Path(source).samefile(output):
            raise OutputError(f"the output {output} is the input {source}; name another file")


def refuse_unwritable(path: str | Path) -> None:
    """Say now, not after hours of scoring, that an output cannot be written.

    Raises:
        OutputError: It is a folder, or its own folder is missing or read-only.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if not target.parent.is_dir():
        missing = errno.ENOTDIR if target.parent.exists() else errno.ENOENT
        raise output_error(path, OSError(missing, ""))
    if not os.access(target.parent, os.W_OK):
        raise output_error(path, OSError(errno.EACCES, ""))


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
