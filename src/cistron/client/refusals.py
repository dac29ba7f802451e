"""What a service does not answer."""

from __future__ import annotations

from typing import Final

from cistron.errors import CistronError


class ServiceError(CistronError):
    """A service refused a request, cannot be reached, or failed.

    Attributes:
        status: HTTP status; None where there was no answer.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status: Final = status
