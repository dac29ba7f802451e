"""How often a key may ask: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final


class Buckets:
    """A bucket for every key; each holds up to ten seconds' worth of requests, and at least ten.

    Args:
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._levels: Final[dict[str, tuple[float, float]]] = {}

    def take(self, key: str, per_minute: int) -> float:
        """Take a token of `key`: 0 when there was one, else the seconds until there is."""
        rate = per_minute / 60
        full, now = max(10.0, 10 * rate), self._clock()
        level, then = self._levels.get(key, (full, now))
        level = min(full, level + (now - then) * rate)
        if level < 1:
            self._levels[key] = (level, now)
            return (1 - level) / rate
        self._levels[key] = (level - 1, now)
        return 0.0
