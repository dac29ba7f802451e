"""Screening of generated sequences by hooks from outside: an installed package, or any command.

Cistron itself knows no hazard. It makes sure that a sequence which a screen refuses is neither returned nor
written, and that a sequence no screen has seen says so.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from cistron.errors import CistronError, InputError
from cistron.formats.fasta_output import fasta_record

GROUP: Final = "cistron.screens"
"""Entry points of this group are callables: a sequence → why it is refused, or None when it passes."""

_PLACE: Final = "{fasta}"


class ScreeningError(CistronError):
    """A screen refused a sequence, could not be run, or was required and is not there."""


@dataclass(frozen=True)
class Screen:
    """A judge of sequences.

    Attributes:
        name: What outputs call it.
        refusal: Why a sequence (A, C, G, T and other letters as they came) is refused; None when it passes.
            Whatever it raises ends the run: a sequence that could not be judged has not passed.
    """

    name: str
    refusal: Callable[[str], str | None]


def installed_screens() -> list[Screen]:
    """The screens that other packages provide; installing one puts it in force.

    Raises:
        ScreeningError: One cannot be imported.
    """
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found.append(Screen(point.name, point.load()))
        except (ImportError, AttributeError) as error:
            raise ScreeningError(
                f"the screen {point.name} cannot be imported ({error}); repair or uninstall its package"
            ) from error
    return found


def command_screen(template: str) -> Screen:
    """A screen that runs a command on a FASTA file of one sequence; exit status 0 means that it passes.

    The command is started without a shell. Its output is not read, for it may hold the sequence.

    Args:
        template: Such as `screener --input {fasta}`; `{fasta}` becomes the file's path.

    Raises:
        InputError: The template is no command, or does not say where the file's path goes.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise InputError(f"the screening command '{template}' cannot be split into words: {error}") from error
    if not any(_PLACE in word for word in words[1:]):
        raise InputError(f"the screening command '{template}' must hold {_PLACE}, where the file's path goes")

    def refusal(sequence: str) -> str | None:
        with tempfile.TemporaryDirectory(prefix="cistron-") as folder:
            path = Path(folder) / "sequence.fa"
            path.write_text(fasta_record("sequence", sequence))
            return _status(words[0], [word.replace(_PLACE, str(path)) for word in words])

    return Screen(Path(words[0]).name, refusal)


def _status(name: str, words: Sequence[str]) -> str | None:
    try:
        status = subprocess.run(  # noqa: S603 - the user's own command, started without a shell
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        ).returncode
    except OSError as error:
        raise ScreeningError(f"the screening command {name} cannot be started: {error.strerror}") from error
    if status < 0:
        raise ScreeningError(f"the screening command {name} was ended by signal {-status}; nothing passed")
    return f"exit status {status}" if status else None


def refusal_of(screens: Sequence[Screen], sequence: str) -> str | None:
    """Which screen refuses a sequence and why; None when all let it pass."""
    for screen in screens:
        reason = screen.refusal(sequence)
        if reason is not None:
            return f"refused by {screen.name}: {reason}"
    return None


def require_screens(screens: Sequence[Screen]) -> None:
    """Return silently when there is a screen.

    Raises:
        ScreeningError: There is none.
    """
    if not screens:
        raise ScreeningError(
            "screening is required and no screen is configured; install one (entry point group"
            f" {GROUP}) or give a command"
        )
