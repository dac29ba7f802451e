from __future__ import annotations

import pytest

from cistron.training.planning.ledger import Transfer
from cistron.training.planning.speed import PER_NODE, Wires, device_named, on_wires, part_seconds

GPU = device_named("H100")


def test_what_leaves_the_node_takes_the_slow_wire() -> None:
    near = on_wires([Transfer(10**9, tuple(range(PER_NODE)), weights=False)], GPU)
    far = on_wires([Transfer(10**9, (0, PER_NODE), weights=False)], GPU)
    assert near.tokens == pytest.approx(10**9 / GPU.link)
    assert far.tokens == pytest.approx(10**9 / GPU.network)
    assert far.tokens > near.tokens


def test_tokens_are_waited_for_and_weights_only_where_they_take_longer_than_the_arithmetic() -> None:
    assert part_seconds(2.0, Wires(weights=1.0, tokens=0.5)) == 2.5
    assert part_seconds(2.0, Wires(weights=3.0, tokens=0.5)) == 3.5


def test_weights_and_tokens_are_told_apart() -> None:
    found = on_wires([Transfer(3, (0, 1), weights=True), Transfer(5, (0, 1), weights=False)], GPU)
    assert found == Wires(3 / GPU.link, 5 / GPU.link)
