"""Libraries that evaluation uses and that come with an extra of this package."""

from __future__ import annotations

from importlib.util import find_spec

from cistron.errors import CistronError


class MissingExtraError(CistronError):
    """A library is missing that comes with an extra of this package."""


def require(module: str, what: str) -> None:
    """Return silently where a library is installed.

    Args:
        module: Its import name.
        what: What needs it, for the message.

    Raises:
        MissingExtraError: It is not installed.
    """
    if find_spec(module) is None:
        raise MissingExtraError(f"{what}; install it with: pip install 'cistron[eval]'")
