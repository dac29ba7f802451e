"""Files sent to a service as jobs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from cistron.client.refusals import ServiceError
from cistron.errors import InputError
from cistron.formats.atomic import atomic_output

OPEN: Final = frozenset({"queued", "running"})
POLL_SECONDS: Final = 0.5


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file to send.

    Raises:
        InputError: It cannot be read.
    """
    with ExitStack() as held:
        try:
            stream = held.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
        yield stream


def submission(kind: str, upload: BinaryIO, options: Mapping[str, Any]) -> dict[str, Any]:
    """A request that makes one job, however often it is sent."""
    return {
        "data": {"kind": kind, "options": json.dumps(options)},
        "files": {"file": ("upload", upload)},
        "headers": {"Idempotency-Key": secrets.token_hex(16)},
    }


def rewind(content: Mapping[str, Any]) -> None:
    """Bring files to their beginning before they are sent again."""
    for _, stream in content.get("files", {}).values():
        stream.seek(0)


def require_done(job: Mapping[str, Any]) -> None:
    """Return silently where a job is done.

    Raises:
        ServiceError: It failed or was cancelled.
    """
    if job["state"] != "done":
        raise ServiceError(f"the job {job['state']}: {job['error'] or 'somebody stopped it'}")


def write_result(content: bytes, output: str | Path) -> None:
    """Write what a job made.

    Raises:
        OutputError: It cannot be written.
    """
    with atomic_output(output) as path:
        path.write_bytes(content)
