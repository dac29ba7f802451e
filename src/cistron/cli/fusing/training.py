"""The job behind `cistron fusion train`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cistron.cli.progress import note, progress_of
from cistron.errors import InputError
from cistron.fusion import RECIPES
from cistron.fusion.run import RIVALS, FusionRun, rivals
from cistron.training import Stopped
from cistron.training.folder import MODEL, SETTINGS
from cistron.training.settings import apply_settings, resumed, to_json


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for; see `cistron fusion train --help`."""

    recipe: str
    output: Path | None
    records: tuple[Path, ...]
    test: tuple[Path, ...]
    language: str | None
    settings: tuple[str, ...]
    rivals: bool
    resume: bool
    show: bool
    threads: int | None


def run_training(request: TrainRequest) -> None:
    """Train one run, and its rivals where that is asked for.

    Raises:
        CistronError: Something that the caller can fix.
        SystemExit: A signal asked the run to stop.
    """
    if request.recipe == "list":
        print("\n".join(RECIPES.names()))
        return
    run = _run(request)
    if request.show:
        print(to_json(run), end="")
        return
    if request.output is None:
        raise InputError("give the run a folder with --output FOLDER, or --show to see its settings")
    if not run.records.train:
        raise InputError("give records to learn from with --records FILE")
    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    every = {
        "": run,
        **({f"{RIVALS}/{name}": one for name, one in rivals(run).items()} if request.rivals else {}),
    }
    from cistron.training.world import joined_world, rank

    with joined_world():
        for name, one in every.items():
            _train(one, request.output / name, request.output, name, resume=request.resume)
        if rank() == 0:
            note(f"wrote {request.output / MODEL}")


def _run(request: TrainRequest) -> FusionRun:
    run = RECIPES.get(request.recipe)()
    if request.resume and request.output is not None:
        run = resumed(run, request.output / SETTINGS)
    if request.records:
        run = replace(run, records=replace(run.records, train=tuple(map(str, request.records))))
    if request.test:
        run = replace(run, records=replace(run.records, test=tuple(map(str, request.test))))
    if request.language:
        run = replace(run, language=replace(run.language, model=request.language))
    return apply_settings(run, request.settings)


def _train(run: FusionRun, folder: Path, shared: Path, name: str, *, resume: bool) -> None:
    from cistron.fusion.session import STATES, train
    from cistron.training.world import highest, rank

    # Processes must agree, and the first of them may be at work in the folder already.
    done, begun = highest([int((folder / MODEL).is_dir()), int((folder / SETTINGS).is_file())])
    if resume and done:
        return
    try:
        with progress_of(f"Training {name or run.name}", shown=rank() == 0) as progress:
            # Rivals read the same DNA: its states are computed once.
            resume = resume and bool(begun)
            train(run, folder, resume=resume, progress=progress, cache=shared / STATES)
    except Stopped as stopped:
        if rank() == 0:
            note(str(stopped))
        raise SystemExit(128 + stopped.signal) from None
