"""The work of `cistron tracks train`: prepared tracks to a head folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cistron.cli.progress import note, progress_of
from cistron.training import Stopped
from cistron.training.finetune.tracks import TrackData, TrackTraining, head_settings
from cistron.training.settings import apply_settings, to_json


@dataclass(frozen=True)
class TrainRequest:
    """What was asked for; see `cistron.cli.commands.tracks`."""

    folder: Path
    output: Path
    model: str
    head: str
    mode: str
    reference: Path | None
    settings: tuple[str, ...]
    resume: bool
    show: bool
    threads: int | None


def run_train(request: TrainRequest) -> None:
    """Train, or print what would be trained.

    Raises:
        CistronError: Something that the caller can fix.
    """
    reference = None if request.reference is None else str(request.reference)
    run = TrackTraining(
        data=TrackData(str(request.folder), reference),
        model=request.model,
        head=request.head,
        settings=head_settings(request.head),
        mode=request.mode,
    )
    run = apply_settings(run, request.settings)
    if request.show:
        print(to_json(run), end="")
        return
    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    try:
        with progress_of(f"Training {run.name}") as progress:
            run.execute(request.output, resume=request.resume, progress=progress)
    except Stopped as stopped:
        note(str(stopped))
        raise SystemExit(128 + stopped.signal) from None
    note(f"wrote {request.output / 'head'}")
