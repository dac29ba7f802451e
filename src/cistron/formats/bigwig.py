"""bigWig: a number for each base of a genome, or none, with the summaries a browser needs to zoom out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from jaxtyping import Float
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


def read_bigwig(path: str | Path, chrom: str, start: int, end: int) -> Float[np.ndarray, "L"]:
    """The values of `chrom[start:end]`, 0-based half-open, as 64-bit floats; NaN where there is none.

    Raises:
        InputError: The file is missing or not a bigWig.
        UnknownContigError: The file has nothing on that contig.
        OutOfBoundsError: The stretch reaches beyond the contig.
    """
    with _opened(path) as file:
        length = file.chroms().get(chrom)
        if length is None:
            raise UnknownContigError(f"{path} has no contig '{chrom}'; it has {', '.join(file.chroms())}")
        if not 0 <= start <= end <= length:
            raise OutOfBoundsError(
                f"{chrom}:{start + 1:,}-{end:,} reaches beyond its {length:,} bp in {path}"
            )
        values = np.full(end - start, np.nan)
        for low, high, value in file.records(chrom, start, end):
            values[max(low - start, 0) : max(high - start, 0)] = value
    return values


def bigwig_contigs(path: str | Path) -> dict[str, int]:
    """Contig name → length in bp of the contigs that have a value.

    Raises:
        InputError: The file is missing or not a bigWig.
    """
    with _opened(path) as file:
        return dict(sorted(file.chroms().items()))


class _Source:
    """Runs as the entries that pybigtools wants; what goes wrong is kept, or pybigtools would swallow it."""

    def __init__(self, contigs: Mapping[str, int], runs: Iterable[Run]) -> None:
        self.written = 0
        self.failure: BaseException | None = None
        entries = self._checked(contigs, runs)
        first = next(entries, None)
        self.empty = first is None
        self._entries = entries if first is None else chain([first], entries)

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> tuple[str, int, int, float]:
        try:
            entry = next(self._entries)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise StopIteration from None
        self.written += 1
        return entry

    @staticmethod
    def _checked(contigs: Mapping[str, int], runs: Iterable[Run]) -> Iterator[tuple[str, int, int, float]]:
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


def _entries(run: Run) -> Iterator[tuple[str, int, int, float]]:
    """One (contig, start, end, value) for each base that has one."""
    for begin in range(0, len(run.values), _PIECE):
        values: NDArray[Any] = run.values[begin : begin + _PIECE]
        known = np.flatnonzero(~np.isnan(values))
        starts = (known + (run.start + begin)).tolist()
        for start, value in zip(starts, values[known].tolist(), strict=True):
            yield run.chrom, start, start + 1, value


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


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    import pybigtools

    if not Path(path).is_file():
        raise InputError(f"{path} does not exist; check the name")
    with _listening():
        try:
            file = pybigtools.open(str(path))
        except Exception:
            raise InputError(f"{path} is not a bigWig; check that it is the right file") from None
    with file:
        yield file
