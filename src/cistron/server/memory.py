"""Weights in memory: loaded when first asked for, those unused for longest put out when there is no room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from cistron.server.metrics import Metrics
from cistron.server.problems import RefusedError

T = TypeVar("T")


@dataclass
class _Held:
    size: int
    users: int = 0
    loading: threading.Lock = field(default_factory=threading.Lock)
    content: Any = None


class Memory:
    """Whatever is loaded, by name, within one number of bytes. Safe to use from several threads.

    Args:
        most: Bytes of weights that stay loaded; None is no limit.
        metrics: Where loaded bytes are told.
    """

    def __init__(self, most: int | None, metrics: Metrics) -> None:
        self._most: Final = most
        self._metrics: Final = metrics
        self._lock: Final = threading.RLock()
        self._held: Final[OrderedDict[str, _Held]] = OrderedDict()

    @contextmanager
    def use(self, name: str, size: Callable[[], int], load: Callable[[], T]) -> Iterator[T]:
        """What `load` gives, which stays in memory until the block ends, and longer where there is room.

        Args:
            name: The same names mean the same content.
            size: Bytes that it will take; asked before it is loaded.
            load: Loads it; others load meanwhile.

        Raises:
            RefusedError: There is no room for it now (503) or ever (507).
        """
        with self._lock:
            if name not in self._held:
                self._held[name] = self._with_room(name, size())
            held = self._held[name]
            self._held.move_to_end(name)
            held.users += 1
        try:
            yield self._content(name, held, load)
        finally:
            with self._lock:
                held.users -= 1

    @property
    def names(self) -> list[str]:
        """Names of what is loaded."""
        with self._lock:
            return [name for name, held in self._held.items() if held.content is not None]

    def _content(self, name: str, held: _Held, load: Callable[[], T]) -> T:
        with held.loading:
            if held.content is None:
                try:
                    held.content = load()
                except BaseException:
                    self._forget(name)
                    raise
                self._metrics.loaded.labels(name).set(held.size)
        content: T = held.content
        return content

    def _with_room(self, name: str, size: int) -> _Held:
        if self._most is None:
            return _Held(size)
        if size > self._most:
            raise RefusedError(
                507, f"model '{name}' takes {size:,} bytes; this service keeps {self._most:,} at most"
            )
        for other in [key for key, held in self._held.items() if not held.users]:
            if self._total() + size <= self._most:
                return _Held(size)
            self._forget(other)
        if self._total() + size > self._most:
            raise RefusedError(
                503, f"no room for model '{name}' while others are in use", {"Retry-After": "5"}
            )
        return _Held(size)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._held.pop(name, None)
        self._metrics.loaded.labels(name).set(0)

    def _total(self) -> int:
        return sum(held.size for held in self._held.values())
