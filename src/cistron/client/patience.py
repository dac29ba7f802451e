"""Which failures pass by themselves, and how long to wait for that."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from cistron.client.refusals import ServiceError

_PASSING: Final = frozenset({408, 425, 429, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How often and how long to try again.

    Attributes:
        attempts: Requests for one answer at most.
        first_seconds: The first wait, doubled from then on, with chance in it.
        longest_seconds: The longest wait; a service that asks for more is not waited for.
    """

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 60.0

    def waits(self) -> Iterator[float]:
        """Seconds before each further attempt."""
        chance = random.Random()  # noqa: S311 - so that clients do not come back all at once
        for number in range(self.attempts - 1):
            yield min(self.longest_seconds, self.first_seconds * 2**number) * chance.uniform(0.5, 1.0)


def wait_of(outcome: httpx.Response | httpx.TransportError, planned: float, longest: float) -> float | None:
    """Seconds to wait before another attempt; None where another would not help."""
    if isinstance(outcome, httpx.TransportError):
        return planned
    if outcome.status_code not in _PASSING:
        return None
    asked = outcome.headers.get("Retry-After", "")
    seconds = float(asked) if asked.isdigit() else planned
    return None if seconds > longest else max(seconds, planned)


def refusal(outcome: httpx.Response | httpx.TransportError, url: str) -> ServiceError:
    """What to raise of a request that failed for good."""
    if isinstance(outcome, httpx.TransportError):
        return ServiceError(f"cannot reach {url}: {outcome or type(outcome).__name__}; is it running there?")
    try:
        told: Any = outcome.json()
        detail = str(told.get("detail") or told.get("message"))
    except (ValueError, AttributeError):
        detail = outcome.reason_phrase
    return ServiceError(f"{url} refused ({outcome.status_code}): {detail}", outcome.status_code)
