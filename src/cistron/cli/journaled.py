"""Runs that can be resumed: where their journal lies and when it goes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cistron.cli.progress import note
from cistron.errors import CistronError, InputError, OutputError
from cistron.formats.atomic import STREAM
from cistron.formats.journal import Journal


@contextmanager
def journal_beside(output: str, identity: Mapping[str, Any], *, resume: bool) -> Iterator[Journal]:
    """The journal of a run that writes `output`; the caller removes it when the output is complete.

    It is kept after a kill, an interrupt or a full disk, so that --resume can go on from it, and removed
    after any other error, since what mends that changes the run. A stream's lies in a temporary folder.

    Args:
        output: The file that is to be written; nothing is left beside a stream.
        identity: Everything the output depends on.
        resume: Whether the user asked to go on from an earlier run's journal.

    Raises:
        InputError: A stream cannot be resumed.
        ResumeError: The journal belongs to other inputs or settings, or is in use; or there is one of a run
            that did not finish, and --resume was not given.
        OutputError: It cannot be written.
    """
    streams = is_stream(output)
    if resume and streams:
        raise InputError("--resume needs files: standard input and output cannot be taken up again")
    with ExitStack() as open_files:
        if streams:
            path = Path(open_files.enter_context(tempfile.TemporaryDirectory(prefix="cistron-")), "journal")
        else:
            path = Path(output + ".journal")
        journal = open_files.enter_context(Journal(path, identity, resume=resume, protect=True))
        try:
            yield journal
        except BaseException as error:
            # Whatever else the caller can fix changes the inputs or the settings, and so the identity.
            fixable_elsewhere = isinstance(error, CistronError) and not isinstance(error, OutputError)
            if streams or fixable_elsewhere or not journal.done:
                journal.remove()
            elif isinstance(error, OutputError):
                raise OutputError(f"{error}; then --resume continues where this run stopped") from error
            elif isinstance(error, KeyboardInterrupt | SystemExit):
                note("stopped; the same command with --resume continues where it was")
            raise


def is_stream(output: str) -> bool:
    """Whether `output` is standard output, a pipe or a device: nothing can lie beside it."""
    path = Path(output)
    return output == STREAM or (path.exists() and not path.is_file() and not path.is_dir())
