"""Tracks: a head that predicts signal along the genome, trained on prepared windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cistron.heads import HEADS
from cistron.training import ProgressFn
from cistron.training.finetune import HeadTraining

FOLLOWS: Final = frozenset({"head", "hidden_size", "tracks", "means", "plus", "minus"})
"""Settings of a head that follow from the model and from the data."""


@dataclass(frozen=True)
class TrackData:
    """Where windows and their signal come from; environment variables in paths are expanded.

    Attributes:
        folder: From `cistron tracks prepare`.
        reference: The FASTA, where it has moved since.
    """

    folder: str
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrackTraining(HeadTraining):
    """A head that learns tracks; its names, means and strands are those of the data.

    Attributes:
        data: Prepared tracks.
        keep_gb: Hidden states of a model that does not change are kept in memory up to so many 10⁹ bytes;
            beyond that, the model is run again in every pass. What is learned is the same.
    """

    data: TrackData
    name: str = "tracks"
    head: str = "coverage-unet"
    epochs: int = 20
    batch: int = 8
    together: int | None = 1
    keep_gb: float = 2.0

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train, and leave a head folder in `folder / "head"` with its results beside it.

        Raises:
            InputError: The data cannot be used, or its windows are longer than the model's context.
            ResumeError: Nothing to resume, or the folder belongs to another run.
            Stopped: A signal asked the run to stop, and it saved itself.
        """
        from cistron.training.finetune.track_loop import train_tracks

        train_tracks(self, folder, resume=resume, progress=progress)


def head_settings(head: str) -> dict[str, Any]:
    """The settings that a head has of its own, such as its loss, with their defaults as plain JSON values.

    Raises:
        UnknownNameError: There is no such head.
    """
    defaults = HEADS.get(head).config({"hidden_size": 1}).to_dict()
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in defaults.items()
        if name not in FOLLOWS
    }
