"""bigWig: a number for each base of a genome, or none, with the summaries a browser needs to zoom out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from cistron.errors import InputError, OutOfBoundsError, OutputError, UnknownContigError
from cistron.formats.atomic import atomic_output, output_error

ENDINGS: Final = (".bw", ".bigWig")
"""How the name of a bigWig file ends; no other ending can be written."""

_PIECE: Final = 1 << 16
_PROBE: Final = bytes(1 << 20)
_STREAMS: Final = (1, 2)
_MAGIC_BYTES: Final = 4  # a bigWig ends as it begins
_MOST_CONTIGS: Final = 65_535

_Entry = tuple[str, int, int, float]
"""Contig, start, end and value of what goes into a file."""


class Run(NamedTuple):
    """Values of bases that follow one another; NaN where a base has none.

    Attributes:
        chrom: Contig name.
        start: First base, 0-based.
        values: One for each base.
    """

    chrom: str
    start: int
    values: Float[np.ndarray, "L"]


class Entries(NamedTuple):
    """Stretches of one value each, in ascending order.

    Attributes:
        starts: First base, 0-based.
        ends: One past the last base.
        values: As stored; NaN only where a file says so.
    """

    starts: Int[np.ndarray, "E"]
    ends: Int[np.ndarray, "E"]
    values: Float[np.ndarray, "E"]

    def spread(self, start: int, end: int) -> Float[np.ndarray, "L"]:
        """A value for every base of `start` to `end`, in which all entries lie; NaN where there is none."""
        lengths = self.ends - self.starts
        values = np.full(end - start, np.nan)
        # Every base of an entry: where it starts, and how far the base lies behind that.
        firsts = np.repeat(self.starts - start - np.cumsum(lengths) + lengths, lengths)
        values[firsts + np.arange(len(firsts))] = np.repeat(self.values, lengths)
        return values


def write_bigwig(path: str | Path, contigs: Mapping[str, int], runs: Iterable[Run]) -> int:
    """Write runs to a bigWig and return how many bases have a value; memory does not grow with them.

    Values are stored as 32-bit floats. The same runs give the same bytes, however they were cut.

    Args:
        path: Ends in `.bw` or `.bigWig`.
        contigs: Contig name → length in bp. Contigs without a value are left out of the file.
        runs: Those of a contig follow one another, positions ascending and without overlap.

    Raises:
        InputError: Nothing has a value (a bigWig cannot be empty), or more than 65,535 contigs have one.
        OutputError: The ending is another one, or `path` cannot be written.
        ValueError: The runs are out of order or reach beyond their contig.
    """
    if not str(path).endswith(ENDINGS):
        raise OutputError(f"cannot write {path}: the name of a bigWig ends in {' or '.join(ENDINGS)}")
    source = _Source(contigs, runs)
    with atomic_output(path) as temporary:
        if source.empty:
            raise InputError(f"cannot write {path}: no base has a value, and a bigWig cannot be empty")
        told = _write(temporary, contigs, source)
        if source.failure is not None:
            raise source.failure
        if _bases(temporary) != source.written:
            raise _reason(path, temporary, told)
    return source.written


def refuse_many_contigs(count: int) -> None:
    """Say now, not after hours of work, that so many contigs cannot be written to one file.

    Raises:
        InputError: There are more than 65,535.
    """
    # The library puts all names into one block, which counts them in 16 bits.
    if count > _MOST_CONTIGS:
        raise InputError(
            f"a bigWig holds at most {_MOST_CONTIGS:,} contigs, not {count:,}; write .parquet instead"
        )


class BigWig:
    """A bigWig that stays open while stretches of it are read; a context manager, not thread-safe.

    Args:
        path: The file.

    Raises:
        InputError: The file is missing or not a bigWig.
    """

    def __init__(self, path: str | Path) -> None:
        import pybigtools

        if not Path(path).is_file():
            raise InputError(f"{path} does not exist; check the name")
        self.path: Final = path
        with _listening():
            try:
                self._file: Final = pybigtools.open(str(path))
            except Exception:
                raise InputError(f"{path} is not a bigWig; check that it is the right file") from None
        self.contigs: Final[dict[str, int]] = dict(sorted(self._file.chroms().items()))
        """Contig name → length in bp of the contigs that have a value."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def entries(self, chrom: str, start: int, end: int) -> Entries:
        """What the file holds in `chrom[start:end]`, 0-based half-open, cut to it.

        Raises:
            UnknownContigError: The file has nothing on that contig.
            OutOfBoundsError: The stretch reaches beyond the contig.
        """
        length = self.contigs.get(chrom)
        if length is None:
            raise UnknownContigError(f"{self.path} has no contig '{chrom}'; it has {', '.join(self.contigs)}")
        if not 0 <= start <= end <= length:
            raise OutOfBoundsError(
                f"{chrom}:{start + 1:,}-{end:,} reaches beyond its {length:,} bp in {self.path}"
            )
        found = np.array([*self._file.records(chrom, start, end)], dtype=np.float64).reshape(-1, 3)
        places = found[:, :2].astype(np.int64).clip(start, end)
        return Entries(places[:, 0], places[:, 1], found[:, 2])

    def read(self, chrom: str, start: int, end: int) -> Float[np.ndarray, "L"]:
        """The values of `chrom[start:end]` as 64-bit floats, NaN where there is none; raises as `entries`."""
        return self.entries(chrom, start, end).spread(start, end)


def read_bigwig(path: str | Path, chrom: str, start: int, end: int) -> Float[np.ndarray, "L"]:
    """The values of `chrom[start:end]`, 0-based half-open, as 64-bit floats; NaN where there is none.

    Raises:
        InputError: The file is missing or not a bigWig.
        UnknownContigError: The file has nothing on that contig.
        OutOfBoundsError: The stretch reaches beyond the contig.
    """
    with BigWig(path) as file:
        return file.read(chrom, start, end)


def bigwig_contigs(path: str | Path) -> dict[str, int]:
    """Contig name → length in bp of the contigs that have a value.

    Raises:
        InputError: The file is missing or not a bigWig.
    """
    with BigWig(path) as file:
        return file.contigs


class _Source:
    """Runs as the entries that pybigtools wants; what goes wrong is kept, or pybigtools would swallow it."""

    def __init__(self, contigs: Mapping[str, int], runs: Iterable[Run]) -> None:
        self.written = 0
        self.failure: BaseException | None = None
        entries = _joined(self._checked(contigs, runs))
        first = next(entries, None)
        self.empty = first is None
        self._entries = entries if first is None else chain([first], entries)

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> _Entry:
        try:
            entry = next(self._entries)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise StopIteration from None
        self.written += entry[2] - entry[1]
        return entry

    @staticmethod
    def _checked(contigs: Mapping[str, int], runs: Iterable[Run]) -> Iterator[_Entry]:
        chrom, at, seen = "", 0, set[str]()
        for run in runs:
            if run.chrom != chrom:
                chrom, at = run.chrom, 0
                if chrom in seen:
                    raise ValueError(f"the runs of {chrom} do not follow one another")
                seen.add(chrom)
                refuse_many_contigs(len(seen))
            end = run.start + len(run.values)
            if not at <= run.start <= end <= contigs.get(chrom, -1):
                raise ValueError(f"a run {chrom}:{run.start}-{end} is out of order or beyond its contig")
            at = end
            yield from _entries(run)


def _entries(run: Run) -> Iterator[_Entry]:
    """One (contig, start, end, value) for bases of one value that follow one another, within a piece."""
    for begin in range(0, len(run.values), _PIECE):
        values: NDArray[Any] = run.values[begin : begin + _PIECE]
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            continue
        numbers = values[known]
        breaks = np.flatnonzero((np.diff(known) != 1) | (numbers[1:] != numbers[:-1])) + 1
        firsts = np.concatenate(([0], breaks))
        lasts = np.concatenate((breaks, [len(known)])) - 1
        at = run.start + begin
        for start, end, value in zip(
            (known[firsts] + at).tolist(),
            (known[lasts] + at + 1).tolist(),
            numbers[firsts].tolist(),
            strict=True,
        ):
            yield run.chrom, start, end, value


def _joined(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    """Entries of one value that touch as one, so that the file does not tell how the runs were cut."""
    held: _Entry | None = None
    for entry in entries:
        chrom, start, end, value = entry
        if held is not None and (held[0], held[2], held[3]) == (chrom, start, value):
            held = chrom, held[1], end, held[3]
            continue
        if held is not None:
            yield held
        held = entry
    if held is not None:
        yield held


def _write(path: Path, contigs: Mapping[str, int], source: _Source) -> str:
    """Let pybigtools write, and return what it said; whether it succeeded shows in the file alone."""
    import pybigtools

    with _listening() as heard:
        try:
            pybigtools.open(str(path), "w").write(dict(contigs), source)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the library is no Exception
            return f"{error} {_text(heard)}"
        return _text(heard)


def _bases(path: Path) -> int:
    """Bases that have a value in a file; −1 where it cannot be read or is cut short."""
    import pybigtools

    with path.open("rb") as file:
        magic = file.read(_MAGIC_BYTES)
        file.seek(-min(_MAGIC_BYTES, path.stat().st_size), os.SEEK_END)
        if file.read() != magic:
            return -1
    with _listening():
        try:
            return int(pybigtools.open(str(path)).info()["summary"]["basesCovered"])
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a panic of the library is no Exception
            return -1


def _reason(path: str | Path, written: Path, told: str) -> OutputError:
    """Why the library failed: it hides the error of the system, so the system is asked again."""
    try:
        with written.open("ab") as file:
            file.write(_PROBE)
    except OSError as error:
        return output_error(path, error)
    return OutputError(f"cannot write {path}: {' '.join(told.split())[:200] or 'the bigWig library failed'}")


@contextmanager
def _listening() -> Iterator[IO[bytes]]:
    """Give a file that takes what is printed inside the block: the library talks past Python."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in _STREAMS]
    try:
        with tempfile.TemporaryFile() as heard:
            for number in _STREAMS:
                os.dup2(heard.fileno(), number)
            yield heard
    finally:
        for number, before in zip(_STREAMS, kept, strict=True):
            os.dup2(before, number)
            os.close(before)


def _text(heard: IO[bytes]) -> str:
    heard.seek(0)
    return heard.read().decode("utf-8", "replace")
