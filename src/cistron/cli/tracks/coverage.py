"""bigWig files as tracks on one genome, and which bases of it can be judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, NoReturn, Self

import numpy as np
from jaxtyping import Bool, Float

from cistron.data.tracks import Track
from cistron.data.tracks.sources import TrackSource
from cistron.errors import InputError
from cistron.formats.bigwig import BigWig
from cistron.genome import Reference
from cistron.genome.contigs import ContigNames
from cistron.metrics.tracks_blocks import Known

Gaps = Literal["zero", "unknown"]


class Coverage:
    """A bigWig as coverage along a genome, a `metrics.tracks_blocks.Signal`; a context manager.

    Args:
        path: The file.
        genome: Names and lengths of contigs that everything is asked in.
        gaps: What bases without a value mean: no signal, or none that is known (NaN).
        negate: Turn signs around: tracks of the minus strand are often stored so.

    Raises:
        InputError: The file is missing, no bigWig, or of another assembly than the genome.
    """

    def __init__(self, path: Path, genome: Reference, *, gaps: Gaps = "zero", negate: bool = False) -> None:
        self._opened: Final = ExitStack()
        track = Track(path.stem, (str(path),), negate=negate)
        self._source: Final = self._opened.enter_context(TrackSource(track, genome))
        self._file: Final = self._opened.enter_context(BigWig(path)) if gaps == "unknown" else None
        self._lengths: Final = genome.contigs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def __call__(self, chrom: str, start: int, end: int) -> Float[np.ndarray, "L"]:
        """Coverage of `chrom[start:end]`, 0-based half-open.

        Raises:
            UnknownContigError: The file has nothing on that contig.
            InputError: A value is negative or not a number.
        """
        values = self._source.signal(chrom, start, end)
        if self._file is not None:
            name = ContigNames(self._file.contigs).resolve(chrom, self._lengths[chrom])
            values[np.isnan(self._file.read(name or chrom, start, end))] = np.nan
        return values


@dataclass(frozen=True)
class Contigs:
    """Names and lengths of a genome whose sequence was not given; implements `genome.Reference`.

    Attributes:
        name: What to call it in messages.
        contigs: Contig name → length in bp.
    """

    name: str
    contigs: Mapping[str, int]

    def fetch(self, chrom: str, start: int, end: int) -> NoReturn:
        """Nothing: there is no sequence.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"bases of {chrom}:{start + 1:,}-{end:,} are needed; give the genome with --reference"
        )


def known_bases(genome: Reference) -> Known:
    """Tells which bases of a genome are A, C, G or T; the others cannot be predicted."""
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)

    def known(chrom: str, start: int, end: int) -> Bool[np.ndarray, "L"]:
        return np.isin(np.frombuffer(genome.fetch(chrom, start, end).encode(), dtype=np.uint8), letters)

    return known


def named_tracks(words: Sequence[str]) -> dict[str, Path]:
    """Name → file of each `[NAME=]FILE`; a file without a name is called as it is, without its ending.

    Raises:
        InputError: Two have one name.
    """
    found: dict[str, Path] = {}
    for word in words:
        match = re.fullmatch(r"([^=/]+)=(.+)", word)
        name, path = (match[1], Path(match[2])) if match else (Path(word).stem, Path(word))
        if name in found:
            raise InputError(f"two tracks are called '{name}'; write NAME={path} to tell them apart")
        found[name] = path
    return found
