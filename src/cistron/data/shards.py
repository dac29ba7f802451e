"""Packed bases on their way to disk, one shard after another; a kill loses the one in the making."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8

from cistron.data.index import RUN, FileRow, npy_bytes, write_bytes
from cistron.data.letters import OTHER, PER_BYTE, codes_of, pack
from cistron.errors import InputError
from cistron.formats.atomic import sha256_file


def shard_path(folder: Path, number: int) -> Path:
    """Where the packed bases of a shard lie."""
    return folder / f"bases-{number:05d}.bin"


def shard_runs_path(folder: Path, number: int) -> Path:
    """Where the runs of a shard lie while a corpus is being built."""
    return folder / f"runs-{number:05d}.npy"


class ShardWriter:
    """Packs letters into shards; begins behind the whole shards that an earlier run left.

    Args:
        folder: Of the corpus.
        shard_bytes: Size of a shard.

    Attributes:
        position: Where the first letter goes that is still needed; what lies before is skipped.
    """

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self._folder: Final = folder
        self._shard_bytes: Final = shard_bytes
        self._files: Final[list[FileRow]] = []
        while shard_path(folder, len(self._files)).exists():
            self._files.append(_existing(shard_path(folder, len(self._files))))
        self.position = sum(file.bytes for file in self._files) * PER_BYTE
        self._packed = bytearray()
        self._rest: UInt8[np.ndarray, "R"] = np.empty(0, dtype=np.uint8)
        self._runs: list[np.ndarray] = []

    def write(self, position: int, letters: bytes) -> None:
        """Take letters that begin at a position of the corpus, not before the end of the last ones.

        Raises:
            OutputError: The disk is full.
        """
        skipped = max(self.position - position, 0)
        letters, position = letters[skipped:], position + skipped
        if not letters:
            return
        codes = codes_of(letters)
        self._note_runs(position, letters, codes)
        filling = np.zeros(position - self.position, dtype=np.uint8)
        codes = np.concatenate((self._rest, filling, codes))
        self.position = position + len(letters)
        whole = len(codes) // PER_BYTE * PER_BYTE
        self._packed += pack(codes[:whole]).tobytes()
        self._rest = codes[whole:]
        while len(self._packed) >= self._shard_bytes:
            self._flush(self._shard_bytes)

    def close(self) -> list[FileRow]:
        """Write the last shard and return all, in order.

        Raises:
            OutputError: The disk is full.
        """
        self._packed += pack(self._rest).tobytes()
        if self._packed:
            self._flush(len(self._packed))
        return self._files

    def _flush(self, size: int) -> None:
        number = len(self._files)
        runs = np.concatenate([np.empty(0, dtype=RUN), *self._runs])
        end = (number * self._shard_bytes + size) * PER_BYTE
        inside, beyond = runs[runs["start"] < end], runs[runs["end"] > end]
        inside["end"] = np.minimum(inside["end"], end)
        beyond["start"] = np.maximum(beyond["start"], end)
        # The runs come first: a shard counts as written once its bases have their name.
        write_bytes(shard_runs_path(self._folder, number), npy_bytes(inside))
        self._files.append(write_bytes(shard_path(self._folder, number), self._packed[:size]))
        del self._packed[:size]
        self._runs = [beyond]

    def _note_runs(self, position: int, letters: bytes, codes: UInt8[np.ndarray, "L"]) -> None:
        other = codes == OTHER
        if not other.any():
            return
        found = np.where(other, np.frombuffer(letters.upper(), dtype=np.uint8), 0)
        changes = np.flatnonzero(np.diff(found)) + 1
        starts, ends = np.concatenate(([0], changes)), np.concatenate((changes, [len(found)]))
        chosen = other[starts]
        runs = np.empty(int(chosen.sum()), dtype=RUN)
        runs["start"], runs["end"] = position + starts[chosen], position + ends[chosen]
        runs["letter"] = found[starts[chosen]]
        self._runs.append(runs)


def gather_runs(folder: Path, shards: int, offsets: np.ndarray) -> np.ndarray:
    """The runs of all shards in one table; pieces of a run that lie in one contig are joined.

    Args:
        folder: Of the corpus.
        shards: How many there are.
        offsets: Position of the first base of each contig.
    """
    parts = [np.load(shard_runs_path(folder, number), allow_pickle=False) for number in range(shards)]
    runs = np.concatenate([np.empty(0, dtype=RUN), *parts])
    if not len(runs):
        return runs
    contigs = np.searchsorted(offsets, runs["start"], side="right")
    same = (
        (runs["start"][1:] == runs["end"][:-1])
        & (runs["letter"][1:] == runs["letter"][:-1])
        & (contigs[1:] == contigs[:-1])
    )
    opens, closes = np.concatenate(([True], ~same)), np.concatenate((~same, [True]))
    joined = runs[opens]
    joined["end"] = runs["end"][closes]
    return joined


def _existing(path: Path) -> FileRow:
    try:
        return FileRow(path.name, path.stat().st_size, sha256_file(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
