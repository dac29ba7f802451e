"""Training: a run is a frozen dataclass, a recipe is a function that returns one.

`cistron train RECIPE -o FOLDER --set a.b=value` resolves the recipe, applies the settings, saves the result
as `run.json` in the folder and executes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from cistron.registry import Registry

ProgressFn = Callable[[int, int, str], None]
"""Called now and then with what is done, what there is in all, and one short line."""


class Stopped(Exception):  # noqa: N818 -- nothing went wrong
    """A run was asked to stop, finished its step and saved itself.

    Attributes:
        step: Steps done; `--resume` continues behind them.
        signal: Number of the signal that asked.
    """

    def __init__(self, step: int, signal: int) -> None:
        super().__init__(f"stopped after step {step:,}, which is saved; continue with --resume")
        self.step, self.signal = step, signal


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
            Stopped: A signal asked the run to stop, and it saved itself.
        """
        ...


class Logger(Protocol):
    """Where the numbers of a run go beside `log.jsonl`; a plug publishes a function that opens one.

    `LOGGER(folder, done)` gets the run's folder and the steps that were done before this start; what an
    earlier start wrote about later ones is to be dropped. It raises ImportError where its package is missing.
    """

    def write(self, row: Mapping[str, Any]) -> None:
        """Take one row; `step` is always in it, other values are numbers, lists of numbers or text."""
        ...

    def close(self) -> None:
        """Flush and end."""
        ...


RECIPES: Registry[Callable[[], Run]] = Registry("cistron.training.recipes", "RECIPE", "training recipe")

LOGGERS: Registry[Callable[[Path, int], Logger]] = Registry("cistron.training.loggers", "LOGGER", "logger")
