"""Whatever is loaded stays within its bytes, is loaded once, and does not hold up others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cistron.server.memory import Memory
from cistron.server.metrics import Metrics
from cistron.server.problems import RefusedError


def used(memory: Memory, name: str, size: int = 1) -> str:
    with memory.use(name, lambda: size, lambda: name) as content:
        return content


def test_those_unused_for_longest_leave_first() -> None:
    memory = Memory(3, Metrics())
    for name in "abcab":
        used(memory, name)
    used(memory, "d")
    assert memory.names == ["a", "b", "d"]


def test_what_never_fits_and_what_does_not_fit_now_are_told_apart() -> None:
    memory = Memory(2, Metrics())
    with memory.use("a", lambda: 2, lambda: "a"), pytest.raises(RefusedError) as refused:
        used(memory, "b")
    assert refused.value.status == 503
    with pytest.raises(RefusedError) as refused:
        used(memory, "c", 3)
    assert refused.value.status == 507


def test_many_who_ask_at_once_load_it_once() -> None:
    memory, loaded = Memory(None, Metrics()), []

    def load() -> str:
        loaded.append(1)
        return "a"

    def ask(_: Any) -> str:
        with memory.use("a", lambda: 1, load) as content:
            return content

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(32))) == {"a"}
    assert len(loaded) == 1


def test_while_one_is_loaded_another_answers() -> None:
    memory, begun, over = Memory(None, Metrics()), threading.Event(), threading.Event()

    def slowly() -> str:
        begun.set()
        assert over.wait(10)
        return "slow"

    def ask() -> str:
        with memory.use("slow", lambda: 1, slowly) as content:
            return content

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask)
        assert begun.wait(10)
        assert used(memory, "quick") == "quick"
        over.set()
        assert waiting.result(10) == "slow"


def test_what_cannot_be_loaded_takes_no_room() -> None:
    memory = Memory(1, Metrics())

    def broken() -> str:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"), memory.use("a", lambda: 1, broken):
        pass
    assert memory.names == []
    assert used(memory, "b") == "b"
