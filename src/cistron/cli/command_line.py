"""The command that is running, as its outputs record it."""

from __future__ import annotations

import shlex
import sys


def command_line() -> str:
    """The user's command, without --resume: a resumed run writes the same bytes."""
    return shlex.join(["cistron", *(word for word in sys.argv[1:] if word != "--resume")])
