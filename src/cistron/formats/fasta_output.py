"""FASTA out: records as text, and the file they go to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cistron.errors import OutputError
from cistron.formats.atomic import STREAM, atomic_output, writing
from cistron.formats.bgzf import bgzf_output

_LINE: Final = 80


def fasta_record(name: str, sequence: str, description: str = "") -> str:
    """One record, 80 letters a line; a sequence without letters has a heading alone."""
    heading = f">{name} {description}".rstrip()
    lines = (sequence[i : i + _LINE] for i in range(0, len(sequence), _LINE))
    return "\n".join([heading, *lines]) + "\n"


@contextmanager
def text_output(path: str) -> Iterator[Callable[[str], None]]:
    """Give a function that writes text to a file, plain or BGZF by its ending, or to a stream at once.

    A file appears under its name when the block ends without an exception.

    Raises:
        OutputError: The folder is missing or read-only, or the disk is full.
    """
    if path == STREAM:
        yield _write_now
        return
    with (
        atomic_output(path) as temporary,
        writing(path),
        bgzf_output(temporary) if Path(path).suffix == ".gz" else temporary.open("wb") as stream,
    ):

        def write(text: str) -> None:
            stream.write(text.encode())

        yield write


def _write_now(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write standard output: {error.strerror}") from error
