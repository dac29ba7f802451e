"""Zarr: arrays of any length in a folder, grown row by row and readable in any part.

The layout is Zarr version 3, one group with an array for each name and the metadata as its attributes.
"""

from __future__ import annotations

import errno
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron.errors import OutputError
from cistron.formats.atomic import output_error, writing

_CHUNK_BYTES: Final = 1 << 20
_CHUNKS_PER_FILE: Final = 16
"""One chunk is what a reader must decompress, one file what a folder must list: a genome of 3 Gb with four
numbers a base makes 3,000 files and not 50,000."""

_TEXT_BYTES: Final = 64
"""What a text is reckoned at when rows are put into chunks."""

_MARK: Final = "zarr.json"


class ZarrWriter:
    """Writes arrays that grow along their first axis; a context manager.

    Rows are buffered until a file's worth is together, so memory does not grow with the arrays. The folder
    appears under its name, in place of an older store, only when the block ends without an exception. The
    same arrays give the same bytes, however their rows were cut.

    Args:
        path: The folder to write.
        metadata: How the arrays were made; becomes the attributes of the group.

    Raises:
        OutputError: zarr is not installed, or `path` cannot be written or is a folder of something else.
    """

    def __init__(self, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
        self._path: Final = Path(path)
        self._metadata: Final = dict(metadata or {})
        self._resources: Final = ExitStack()
        self._arrays: dict[str, _Growing] | None = None
        self._group: Any = None

    def __enter__(self) -> ZarrWriter:
        zarr = _zarr()
        with ExitStack() as opening:
            temporary = opening.enter_context(_folder(self._path))
            opening.enter_context(writing(self._path))
            attributes = dict(sorted(self._metadata.items()))
            self._group = zarr.open_group(temporary, mode="w", zarr_format=3, attributes=attributes)
            self._arrays = {}
            opening.push(self._flush_if_well)
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, trace)

    def append(self, array_name: str, rows: NDArray[Any]) -> None:
        """Add rows to the end of an array, which the first call creates.

        Args:
            array_name: A word without `/`.
            rows: Shape (rows, …). Later calls must agree with the first in everything but the number of rows.
                Texts (`str` of any kind) become variable-length UTF-8.

        Raises:
            ValueError: The shape or the type differs from that of the first call.
            OutputError: The disk is full.
        """
        if self._arrays is None:
            raise ValueError("a ZarrWriter writes only inside its with block")
        if array_name not in self._arrays:
            self._arrays[array_name] = _Growing(self._group, array_name, rows)
        self._arrays[array_name].append(rows)

    def _flush_if_well(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        arrays, self._arrays = self._arrays or {}, None
        if kind is None:
            for array in arrays.values():
                array.flush()


def refuse_unwritable_folder(path: str | Path) -> None:
    """Say now, not after hours of work, that a Zarr folder cannot be written.

    Raises:
        OutputError: zarr is not installed, its folder is missing or read-only, or `path` is something that
            must not be replaced.
    """
    _zarr()
    target = Path(path).resolve()
    _refuse_other(path, target)
    if not target.parent.is_dir():
        raise output_error(path, FileNotFoundError(errno.ENOENT, ""))
    if not os.access(target.parent, os.W_OK):
        raise output_error(path, PermissionError(errno.EACCES, ""))


class _Growing:
    """One array and the rows that wait for a file's worth."""

    def __init__(self, group: Any, name: str, first: NDArray[Any]) -> None:
        self._name = name
        self._shape, self._dtype = first.shape[1:], _stored_dtype(first)
        row_bytes = math.prod(self._shape) * (_TEXT_BYTES if _is_text(first) else first.itemsize)
        chunk = max(1, _CHUNK_BYTES // max(1, row_bytes))
        self._file_rows = chunk * _CHUNKS_PER_FILE
        self._array = group.create_array(
            name,
            shape=(0, *self._shape),
            chunks=(chunk, *self._shape),
            shards=None if _is_text(first) else (self._file_rows, *self._shape),
            dtype=str if _is_text(first) else first.dtype,
        )
        self._waiting: list[NDArray[Any]] = []
        self._rows = 0

    def append(self, rows: NDArray[Any]) -> None:
        if rows.shape[1:] != self._shape or _stored_dtype(rows) != self._dtype:
            raise ValueError(
                f"{self._name} holds rows of shape {self._shape} and type {self._dtype};"
                f" found {rows.shape[1:]} and {rows.dtype}"
            )
        while len(rows):
            room = self._file_rows - self._rows
            # A copy: the caller may use the same memory for the next rows.
            self._waiting.append(rows[:room].astype(self._dtype, copy=True))
            self._rows += len(rows[:room])
            rows = rows[room:]
            if self._rows == self._file_rows:
                self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._array.append(np.concatenate(self._waiting))
            self._waiting, self._rows = [], 0


def _is_text(rows: NDArray[Any]) -> bool:
    return rows.dtype.kind in "UTO"


def _stored_dtype(rows: NDArray[Any]) -> Any:
    return np.dtypes.StringDType() if _is_text(rows) else rows.dtype


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise OutputError("writing Zarr needs the package zarr: pip install 'cistron[anndata]'") from None
    return zarr


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `path` when the block ends without an exception.

    Raises:
        OutputError: The folder around it is missing or read-only, or `path` exists and is no Zarr store.
    """
    target = path.resolve()
    _refuse_other(path, target)
    temporary = target.with_name(f".{secrets.token_hex(4)}-{target.name}")
    try:
        temporary.mkdir()
    except OSError as error:
        raise output_error(path, error) from error
    try:
        yield temporary
        if target.exists():
            retired = target.with_name(f"{temporary.name}-old")
            target.rename(retired)
            temporary.rename(target)
            shutil.rmtree(retired)
        else:
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse_other(path: str | Path, target: Path) -> None:
    """Let nothing be replaced but a Zarr store or an empty folder."""
    if target.is_dir():
        if any(target.iterdir()) and not (target / _MARK).is_file():
            raise OutputError(f"cannot write {path}: that folder holds something else than a Zarr store")
    elif target.exists():
        raise OutputError(f"cannot write {path}: it is a file and a Zarr store is a folder; remove it")
