"""The bigWig files of a track: compared with the genome, averaged, and refused where they are no coverage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

import numpy as np
from jaxtyping import Float

from cistron.data.spans import Spans
from cistron.data.tracks import Track
from cistron.errors import InputError, UnknownContigError
from cistron.formats.bigwig import BigWig, Entries
from cistron.genome import Reference
from cistron.genome.contigs import ContigNames, recognise_build

_PIECE: Final = 1 << 20
"""Bases that are held at once."""


class TrackSource:
    """The signal of one track in the genome's contig names; a context manager.

    Args:
        track: Its name, files and strand.
        reference: The genome.

    Raises:
        InputError: A file is missing, no bigWig, or of another assembly than the genome.
    """

    def __init__(self, track: Track, reference: Reference) -> None:
        self.track: Final = track
        self._open: Final = ExitStack()
        self._files: Final = [self._open.enter_context(BigWig(path)) for path in track.files]
        for file in self._files:
            _refuse_other_assembly(file, reference)
        self._names: Final = [ContigNames(file.contigs) for file in self._files]
        self._lengths: Final = reference.contigs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def covers(self, chrom: str) -> bool:
        """Whether every file has something on a contig of the genome."""
        return all(names.resolve(chrom, self._lengths[chrom]) is not None for names in self._names)

    def require(self, chrom: str) -> None:
        """Return silently when every file has something on a contig of the genome.

        Raises:
            UnknownContigError: A file has nothing there.
        """
        for _ in self._named(chrom):
            pass

    def signal(self, chrom: str, start: int, end: int) -> Float[np.ndarray, "L"]:
        """Mean of the files over `chrom[start:end]`, 0-based half-open; zero where a file has no value.

        Raises:
            UnknownContigError: A file has nothing on the contig.
            InputError: A value is NaN, infinite or of the wrong sign.
        """
        total = np.zeros(end - start)
        for file, name in self._named(chrom):
            found = file.entries(name, start, end)
            if self.track.negate:
                found = found._replace(values=-found.values)
            self._refuse_no_coverage(file, name, found)
            total += np.nan_to_num(found.spread(start, end), copy=False)
        mean: Float[np.ndarray, "L"] = total / len(self._files)
        return mean

    def pieces(self, chrom: str, spans: Spans) -> Iterator[tuple[int, Float[np.ndarray, "L"]]]:
        """Yield start and signal of the spans of a contig, in pieces that fit the memory."""
        for start, end in spans.tolist():
            for low in range(start, end, _PIECE):
                yield low, self.signal(chrom, low, min(low + _PIECE, end))

    def _named(self, chrom: str) -> Iterator[tuple[BigWig, str]]:
        """Yield the files, each with its own name for a contig of the genome."""
        for file, names in zip(self._files, self._names, strict=True):
            name = names.resolve(chrom, self._lengths[chrom])
            if name is None:
                raise UnknownContigError(
                    f"{file.path} has nothing on contig '{chrom}'; leave the contig out of the regions, or"
                    f" the file out of track '{self.track.name}'"
                )
            yield file, name

    def _refuse_no_coverage(self, file: BigWig, chrom: str, found: Entries) -> None:
        wrong = np.flatnonzero(~(np.isfinite(found.values) & (found.values >= 0)))
        if not len(wrong):
            return
        place, value = f"{chrom}:{found.starts[wrong[0]] + 1:,}", found.values[wrong[0]]
        if not np.isfinite(value):
            raise InputError(f"{file.path} holds {value} at {place}; coverage is a number, mend the file")
        if self.track.negate:
            raise InputError(
                f"{file.path} holds {-value:g} at {place}, and track '{self.track.name}' is to be negated;"
                " do not negate it, or mend the file"
            )
        raise InputError(
            f"{file.path} holds {value:g} at {place}, and coverage is not negative; negate the track if it"
            " stores the minus strand, or mend the file"
        )


def _refuse_other_assembly(file: BigWig, reference: Reference) -> None:
    names = ContigNames(reference.contigs)
    for chrom, length in file.contigs.items():
        here = names.resolve(chrom, length)
        if here is not None and reference.contigs[here] != length:
            builds = [recognise_build(contigs) for contigs in (file.contigs, reference.contigs)]
            theirs, ours = (f" ({build})" if build else "" for build in builds)
            raise InputError(
                f"{file.path}{theirs} has {length:,} bp of {chrom}, {reference.name}{ours} has"
                f" {reference.contigs[here]:,}: they are of different assemblies"
            )
