"""Prepared tracks as a training run reads them: sequence and signal of a window."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from jaxtyping import Float

from cistron.data.labelled import SPLITS
from cistron.data.letters import OTHER, codes_of
from cistron.data.tracks.prepare import FORMAT, INDEX, WINDOWS
from cistron.errors import InputError
from cistron.formats.bed import read_bed
from cistron.formats.bigwig import BigWig
from cistron.formats.fasta import Fasta
from cistron.genome import Interval
from cistron.genome.base_classes import BaseClasses

_KNOWN: Final = "known"


class PreparedTracks:
    """A folder from `prepare_tracks`; a context manager, not thread-safe.

    Args:
        folder: The folder.
        reference: The FASTA, where it has moved since.

    Attributes:
        width: Of every window in bp.
        names: Of the tracks, in order.
        means: Of each where it is not zero, in the training part.
        plus: Tracks of the plus strand.
        minus: Tracks of the minus strand.
        windows: Part → its windows.
        index: The content of `tracks.json`.

    Raises:
        InputError: The folder holds no prepared tracks, or the FASTA is missing or another genome.
    """

    def __init__(self, folder: Path, reference: str | Path | None = None) -> None:
        self.index: Final = _index(folder)
        tracks = self.index["tracks"]
        self.width: Final = int(self.index["width"])
        self.names: Final = tuple(str(track["name"]) for track in tracks)
        self.means: Final = tuple(float(track["mean"]) for track in tracks)
        self.plus: Final = tuple(track["name"] for track in tracks if track["strand"] == "+")
        self.minus: Final = tuple(track["name"] for track in tracks if track["strand"] == "-")
        self.windows: Final[dict[str, list[Interval]]] = {name: [] for name in SPLITS}
        for window in read_bed(folder / WINDOWS):
            self.windows[window.name].append(window)
        known = (each for name in self.index["parts"] for each in read_bed(folder / f"{name}.bed"))
        self._known: Final = BaseClasses(others={_KNOWN: known})
        self._open: Final = ExitStack()
        self._files: Final = [self._open.enter_context(BigWig(folder / f"{name}.bw")) for name in self.names]
        self._genome: Final = self._open.enter_context(_genome(self.index["reference"], reference))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def sequence(self, window: Interval) -> str:
        """Upper-case bases of a window along the plus strand."""
        return self._genome.fetch(window.chrom, window.start, window.end)

    def signal(self, window: Interval) -> Float[np.ndarray, "T L"]:
        """Coverage of every track along the plus strand; NaN where it is not known."""
        signal = np.stack([_zero_filled(file, window) for file in self._files]).astype(np.float32)
        unknown = codes_of(self.sequence(window).encode()) == OTHER
        unknown |= ~self._known(window)[_KNOWN]
        signal[:, unknown] = np.nan
        return signal


def _zero_filled(file: BigWig, window: Interval) -> Float[np.ndarray, "L"]:
    if window.chrom not in file.contigs:
        return np.zeros(len(window))
    values: Float[np.ndarray, "L"] = np.nan_to_num(file.read(window.chrom, window.start, window.end))
    return values


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no prepared tracks: it has no {INDEX}; make it with `cistron tracks prepare`"
        ) from None
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} cannot be read: {problem}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not of a kind that this version reads; prepare the tracks again")
    return content


def _genome(told: dict[str, Any], given: str | Path | None) -> Fasta:
    path = Path(given or told["fasta"])
    if not path.is_file():
        raise InputError(f"the genome {path} is not there; name its FASTA with --reference")
    genome = Fasta(path)
    for name, length in told["contigs"].items():
        if genome.contigs.get(name) != length:
            found = genome.contigs.get(name)
            genome.close()
            raise InputError(
                f"{path} is not the genome that the tracks were prepared on: {name} has {length:,} bp there,"
                f" here {'none' if found is None else f'{found:,}'}"
            )
    return genome
