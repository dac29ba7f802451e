"""Training: a run is a frozen dataclass, a recipe is a function that returns one.

`cistron train RECIPE -o FOLDER --set a.b=value` resolves the recipe, applies the settings, saves the result
as `run.json` in the folder and executes it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

from cistron.registry import Registry

ProgressFn = Callable[[int, int, str], None]
"""Called now and then with what is done, what there is in all, and one short line."""


class Run(Protocol):
    """Everything that defines a training run, as a frozen dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

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
