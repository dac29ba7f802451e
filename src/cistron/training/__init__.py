"""Training: a run is a frozen dataclass, a recipe is a function that returns one.

`cistron train RECIPE -o FOLDER --set a.b=value` resolves the recipe, applies the settings, saves the result
as `run.json` in the folder and executes it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cistron.registry import Registry


class ProgressFn(Protocol):
    """Called now and then during long work."""

    def __call__(self, done: int, total: int, note: str) -> None:
        """Report that `done` of `total` units are done; `note` is one short line."""
        ...


class Run(Protocol):
    """Everything that defines a training run, as a frozen dataclass of plain values."""

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train, and leave a model folder in `folder / "model"`.

        Args:
            folder: The run's own folder; checkpoints and logs go there too.
            resume: Continue from the newest checkpoint instead of starting anew.
            progress: Told about every step.

        Raises:
            ResumeError: Nothing to resume, or the folder belongs to another run.
        """
        ...


RECIPES: Registry[Callable[[], Run]] = Registry("cistron.training.recipes", "RECIPE", "training recipe")
