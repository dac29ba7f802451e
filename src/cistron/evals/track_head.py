"""A head for tracks on its model as a respondent: what it predicts along regions, in bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from cistron import __version__
from cistron.evals.answers import Answer, Signals
from cistron.evals.requests import Request, TracksRequest, digest
from cistron.formats.atomic import sha256_file
from cistron.formats.fasta import Fasta
from cistron.genome import Interval, Reference
from cistron.inference.tracks import Signal, predict_regions, track_head
from cistron.weights.heads import SETTINGS, SavedHead

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel


def is_head_folder(name: str) -> bool:
    """Whether `--model name` means the folder of a head."""
    return (Path(name) / SETTINGS).is_file()


@dataclass(frozen=True)
class TrackHeadRespondent:
    """Implements `cistron.evals.Respondent` for requests of tracks.

    Attributes:
        saved: The head.
        loaded: The model that it belongs to.
        folder: Of the head.

    Raises:
        WeightsError: The head does not predict tracks.
    """

    saved: SavedHead
    loaded: LoadedModel
    folder: Path

    def __post_init__(self) -> None:
        track_head(self.saved)

    @property
    def name(self) -> str:
        """The model, and the folder that the head was trained in."""
        folder = self.folder.resolve()
        return (
            f"{self.loaded.name} with {folder.parent.parent.name if folder.name == 'head' else folder.name}"
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of head, model, arithmetic, kind of device and version of this code."""
        files = [self.folder / SETTINGS, *sorted(self.folder.glob("*.safetensors"))]
        model = [self.loaded.sha256, self.loaded.dtype, self.loaded.device.type]
        return digest([*map(sha256_file, files), *model, __version__])

    @property
    def facts(self) -> Mapping[str, str]:
        """Head, tracks, and the model behind it."""
        return {
            "head": str(track_head(self.saved).config.to_dict()["head"]),
            "tracks": ", ".join(self.tracks),
            "model": self.loaded.name,
            "weights": self.loaded.sha256[:16],
            "arithmetic": f"{self.loaded.dtype} on {self.loaded.device.type}",
        }

    @property
    def tracks(self) -> tuple[str, ...]:
        """Names of the tracks that the head predicts."""
        found: tuple[str, ...] = track_head(self.saved).config.tracks
        return found

    def refuses(self, request: Request) -> str | None:
        """Why the head does not have what is asked."""
        if not isinstance(request, TracksRequest):
            return f"a head for tracks answers nothing else; give its model, {self.loaded.name}, for that"
        if request.track in self.tracks or (not request.track and len(self.tracks) == 1):
            return None
        which = f"no track '{request.track}'" if request.track else "several tracks"
        return f"the head has {which}; choose with --set track= one of {', '.join(self.tracks)}"

    def answer(self, request: Request) -> Answer:
        """Mean signal in the bins of every region."""
        assert isinstance(request, TracksRequest)
        row = self.tracks.index(request.track) if request.track else 0
        with ExitStack() as opened:
            reference: Reference
            if isinstance(request.reference, Path):
                reference = opened.enter_context(Fasta(request.reference))
            else:
                reference = request.reference
            signals = predict_regions(
                self.loaded.model, self.loaded.tokenizer, self.saved, reference, request.regions
            )
            values = _along(request.regions, signals, row)
        return Signals(values.reshape(len(values), -1, request.bin).mean(axis=2).astype(np.float32))


def _along(regions: Sequence[Interval], signals: Iterator[Signal], row: int) -> Float[np.ndarray, "N L"]:
    """The signal of one track at every base of each region; NaN where there is none."""
    values = np.full((len(regions), len(regions[0])), np.nan)
    for signal in signals:
        for at, region in enumerate(regions):
            start, end = max(region.start, signal.start), min(region.end, signal.end)
            if region.chrom == signal.chrom and start < end:
                part = signal.values[row, start - signal.start : end - signal.start]
                values[at, start - region.start : end - region.start] = part
    return values
