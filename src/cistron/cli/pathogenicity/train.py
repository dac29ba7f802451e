"""Train a head on a labelled VCF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cistron.cli.command_line import command_line
from cistron.cli.progress import note, progress_of
from cistron.formats.manifest import write_manifest
from cistron.training.pathogenicity import Pathogenicity
from cistron.training.settings import apply_settings


def run_train(
    run: Pathogenicity, folder: Path, settings: Sequence[str], *, threads: int | None, resume: bool
) -> None:
    """Train and say what came of it.

    Args:
        run: What to do.
        folder: Of the run.
        settings: `NAME=VALUE` to change of it.
        threads: CPU threads; all cores when None.
        resume: Go on where an earlier start of the same run was stopped.

    Raises:
        CistronError: Something that the caller can fix.
    """
    import torch

    run = apply_settings(run, settings)
    if threads is not None:
        torch.set_num_threads(threads)
    with progress_of(f"Training {run.name}") as progress:
        run.execute(folder, resume=resume, progress=progress)
    found = json.loads((folder / "metrics.json").read_text())
    write_manifest(folder / "head", {"command": command_line(), **found})
    for what, judged in found["held_out"].items():
        told = ", ".join(f"{name} {row['auroc']['estimate']:.3f}" for name, row in judged["rows"].items())
        note(f"AUROC on held-out {what}s: {told}")
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in found["dropped"].items())
    note(f"left out: {left_out or 'nothing'}")
    note(f"wrote {folder / 'head'} and {folder / 'report.html'}")
