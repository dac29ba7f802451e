"""Which requests run together, and what happens to those that fail, are given up or come too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cistron.server.batches import Request, pick
from cistron.server.metrics import Metrics
from cistron.server.problems import RefusedError
from cistron.server.scheduler import Lane


def request(kind: str, longest: int, rows: int = 1) -> Request:
    return Request(kind, [0] * rows, longest, list)


def test_the_longest_waiting_takes_along_those_of_its_kind() -> None:
    waiting = [request("a", 10), request("b", 10), request("a", 10)]
    assert pick(waiting, 100) == [waiting[0], waiting[2]]


def test_those_nearest_in_length_come_along_first_and_padding_counts() -> None:
    waiting = [request("a", 10), request("a", 50), request("a", 12), request("a", 9)]
    assert pick(waiting, 36) == [waiting[0], waiting[3], waiting[2]]


def test_one_that_is_too_large_runs_alone() -> None:
    waiting = [request("a", 1000, rows=4), request("a", 1)]
    assert pick(waiting, 100) == waiting[:1]


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("test", Metrics(), most=3, batch_tokens=100)
    yield made
    made.stop(5)


class Held:
    """Answers with the doubles of its items, the first batch only when told to."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[Any]) -> list[int]:
        self.batches.append(list(items))
        self.begun.set()
        assert self.go.wait(5)
        if 13 in items:
            raise RefusedError(422, "13")
        return [2 * item for item in items]


def test_what_arrives_while_a_batch_runs_is_the_next_batch(lane: Lane) -> None:
    held = Held()
    first = lane.submit("a", [1], 1, held)
    assert held.begun.wait(5)
    others = [lane.submit("a", [2, 3], 1, held), lane.submit("a", [4], 1, held)]
    held.go.set()
    assert [each.result(5) for each in (first, *others)] == [[2], [4, 6], [8]]
    assert held.batches == [[1], [2, 3, 4]]


def test_a_bad_request_spoils_no_other(lane: Lane) -> None:
    held = Held()
    lane.submit("a", [1], 1, held)
    assert held.begun.wait(5)
    bad, good = lane.submit("a", [13], 1, held), lane.submit("a", [5], 1, held)
    held.go.set()
    assert good.result(5) == [10]
    with pytest.raises(RefusedError, match="13"):
        bad.result(5)


def test_nobody_computes_for_who_is_gone_and_a_full_queue_is_refused(lane: Lane) -> None:
    held = Held()
    lane.submit("a", [1], 1, held)
    assert held.begun.wait(5)
    waiting = [lane.submit("a", [i], 1, held) for i in (2, 3, 4)]
    with pytest.raises(RefusedError) as refused:
        lane.submit("a", [5], 1, held)
    assert refused.value.status == 429
    assert int(refused.value.headers["Retry-After"]) >= 1
    waiting[0].cancel()
    last = lane.submit("a", [6], 1, held)
    held.go.set()
    assert last.result(5) == [12]
    assert [2] not in held.batches
    assert 2 not in held.batches[1]


def test_a_lane_that_stops_answers_what_waits_and_takes_nothing_more(lane: Lane) -> None:
    held = Held()
    asked = [lane.submit("a", [i], 1, held) for i in (1, 2)]
    held.go.set()
    lane.stop(5)
    assert [each.result(0) for each in asked] == [[2], [4]]
    with pytest.raises(RefusedError) as refused:
        lane.submit("a", [3], 1, held)
    assert refused.value.status == 503
