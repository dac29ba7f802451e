"""Tensors of a checkpoint file one at a time, so that a converter needs memory for one of them.

A checkpoint that `torch.save` wrote is a zip archive of plain bytes and one pickle that names them. PyTorch's
restricted reader reads the pickle and runs nothing; tensors are then read from their place in the file. Files
that were split for transport are read as one without being put together on the disk.
"""

from __future__ import annotations

import io
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cistron.errors import WeightsError

_PART = re.compile(r"(.*)\.part(\d+)")
_LOCAL_HEADER: Final = struct.Struct("<26xHH")
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_DTYPES: Final = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


class Archive:
    """The named tensors of one checkpoint, which stay in the file until they are asked for.

    Attributes:
        path: What to call it in messages.
        tensors: Name → tensor without content, of the right shape and dtype.
        metadata: Name → bytes of entries that are no tensors.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tensors: dict[str, Tensor] = {}
        self.metadata: dict[str, bytes] = {}

    def read(self, name: str) -> Tensor:
        """The tensor itself.

        Raises:
            WeightsError: Its bytes are damaged.
        """
        raise NotImplementedError


def open_archive(source: Path) -> Archive:
    """The checkpoint at `source`: a `.pt`, one of its parts, a `.safetensors`, or a folder with one of them.

    Raises:
        WeightsError: There is none or more than one, a part is missing, or a file is damaged.
    """
    files = _files(source)
    if files[0].suffix == ".safetensors":
        return SafetensorsArchive(files[0])
    return TorchArchive(files)


def holds_archive(source: Path) -> bool:
    """Whether `source` is a checkpoint file or a part of one, or a folder of `.pt` files."""
    return not source.is_dir() or bool(_candidates(source, (".pt",)))


def _files(source: Path) -> list[Path]:
    """The files of the checkpoint, in order."""
    if source.is_dir():
        found = _candidates(source, (".pt", ".safetensors"))
        if len(found) != 1:
            names = ", ".join(sorted(path.name for path in found)) or "none"
            raise WeightsError(f"'{source}' must hold one checkpoint (.pt or .safetensors), not {names}")
        source = found.pop()
    whole = _PART.fullmatch(source.name)
    stem = source.with_name(whole[1]) if whole else source
    if stem.is_file() and not whole:
        return [stem]
    return _parts(stem)


def _candidates(folder: Path, suffixes: tuple[str, ...]) -> set[Path]:
    """Checkpoints in a folder, each by the name it has as one file."""
    names = {path.name for path in folder.iterdir() if path.is_file()}
    stems = {found[1] if (found := _PART.fullmatch(name)) else name for name in names}
    return {folder / stem for stem in stems if stem.endswith(suffixes)}


def _parts(stem: Path) -> list[Path]:
    """`stem.part0`, `stem.part1` and so on, without a gap."""
    found = {
        int(match[2]): path
        for path in stem.parent.glob("*")
        if (match := _PART.fullmatch(path.name)) and match[1] == stem.name
    }
    if not found:
        raise WeightsError(f"there is no checkpoint at '{stem}'; give a .pt file, its parts, or safetensors")
    missing = sorted(set(range(max(found) + 1)) - found.keys())
    if missing:
        raise WeightsError(f"'{stem}.part{missing[0]}' is missing, but there is part {max(found)}; fetch it")
    return [found[number] for number in sorted(found)]


class TorchArchive(Archive):
    """A checkpoint that `torch.save` wrote, in one file or in parts that follow one another."""

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files[0])
        self._bytes = _Joined(files)
        _check_end(self._bytes, self.path)
        for name, value in self._entries().items():
            if isinstance(value, Tensor):
                self.tensors[name] = value
            elif isinstance(value, io.BytesIO):
                self.metadata[name] = value.getvalue()
            elif value is not None:
                raise WeightsError(
                    f"'{self.path}' holds a {type(value).__name__} called {name!r} where a tensor is expected"
                )
        self._sums = self._checksums()

    def _entries(self) -> Mapping[str, object]:
        try:
            self._bytes.seek(0)
            with torch.serialization.safe_globals([io.BytesIO]):
                stream = cast("IO[bytes]", self._bytes)
                content = torch.load(stream, map_location="meta", weights_only=True)
        except pickle.UnpicklingError as problem:
            raise WeightsError(
                f"'{self.path}' holds more than tensors, which could run code, and is not read: "
                f"{_offender(str(problem))}"
            ) from None
        except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as problem:
            raise WeightsError(
                f"'{self.path}' is damaged, or no checkpoint of tensors: {_first_line(problem)}"
            ) from None
        if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
            raise WeightsError(f"'{self.path}' holds something other than named tensors")
        return content

    def _checksums(self) -> dict[int, int]:
        """Where the bytes of each entry begin → their CRC-32."""
        found = {}
        with zipfile.ZipFile(self._bytes) as entries:
            for entry in entries.infolist():
                self._bytes.seek(entry.header_offset)
                name, extra = _LOCAL_HEADER.unpack(self._bytes.read(_LOCAL_HEADER.size))
                found[entry.header_offset + _LOCAL_HEADER.size + name + extra] = entry.CRC
        return found

    def read(self, name: str) -> Tensor:
        """The tensor itself.

        Raises:
            WeightsError: Its bytes are missing, or their checksum is not the recorded one.
        """
        like = self.tensors[name]
        storage = like.untyped_storage()
        # PyTorch notes where a storage without content has its bytes.
        offset = int(getattr(storage, "_checkpoint_offset"))  # noqa: B009
        content = bytearray(storage.nbytes())
        self._bytes.seek(offset)
        if self._bytes.readinto(content) != len(content) or zlib.crc32(content) != self._sums.get(offset):
            raise WeightsError(f"{name!r} in '{self.path}' is damaged: its checksum differs; fetch it again")
        if not content:
            return torch.empty(like.shape, dtype=like.dtype)
        flat = torch.frombuffer(content, dtype=like.dtype)
        return flat.as_strided(like.shape, like.stride(), like.storage_offset())


class SafetensorsArchive(Archive):
    """A checkpoint in one safetensors file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._file = cast(Any, safe_open(path, framework="pt"))
            for name in self._file.keys():  # noqa: SIM118
                part = self._file.get_slice(name)
                dtype = _DTYPES.get(part.get_dtype(), torch.uint8)
                self.tensors[name] = torch.empty(part.get_shape(), dtype=dtype, device="meta")
        except (SafetensorError, OSError) as problem:
            raise WeightsError(f"'{path}' is damaged: {_first_line(problem)}") from None

    def read(self, name: str) -> Tensor:
        """The tensor itself."""
        found: Tensor = self._file.get_tensor(name)
        return found


class _Joined(io.BufferedIOBase):
    """Several files that read as one."""

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__()
        try:
            self._streams = [path.open("rb") for path in files]
        except OSError as problem:
            raise WeightsError(f"'{problem.filename}' cannot be read: {problem.strerror}") from None
        self._sizes = [path.stat().st_size for path in files]
        self._place = 0

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(self._sizes)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("before the first byte")
        self._place = start + offset
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, all that are left when `size` is negative."""
        left = max(self.size - self._place, 0)
        content = bytearray(left if size is None or size < 0 else min(size, left))
        self.readinto(content)
        return bytes(content)

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` with the next bytes; returns how many there were."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        done = 0
        for stream, start, size in self._spans():
            inside = self._place - start
            if done < len(view) and 0 <= inside < size:
                stream.seek(inside)
                count = stream.readinto(view[done : done + size - inside])
                done += count
                self._place += count
        return done

    def _spans(self) -> Iterator[tuple[io.BufferedReader, int, int]]:
        start = 0
        for stream, size in zip(self._streams, self._sizes, strict=True):
            yield stream, start, size
            start += size

    def close(self) -> None:
        """Close all files."""
        for stream in getattr(self, "_streams", ()):
            stream.close()
        super().close()


def _check_end(content: _Joined, path: Path) -> None:
    """Return silently when the content ends where a zip archive ends.

    Raises:
        WeightsError: It does not begin or end like one.
    """
    content.seek(0)
    if content.read(2) != _END[:2]:
        raise WeightsError(f"'{path}' is not a checkpoint of torch.save (a zip archive); it may be damaged")
    content.seek(max(content.size - _END_SIZE, 0))
    if not content.read(len(_END)) == _END:
        raise WeightsError(
            f"'{path}' does not end where a checkpoint ends: it is cut short, its last part is missing, or "
            "there is a part too many; fetch it again"
        )


def _offender(message: str) -> str:
    """What a refused pickle asked for."""
    found = re.search(r"GLOBAL ([\w.]+)|global ([\w.]+)|class ([\w.]+)", message)
    return next(filter(None, found.groups())) if found else message.strip().splitlines()[0]


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0]
