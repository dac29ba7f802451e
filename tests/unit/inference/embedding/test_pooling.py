"""Pools that take states in piece by piece, against numpy over all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cistron.inference.embedding import pooling as module
from cistron.inference.embedding.pooling import Pooling, make_pool

WHOLE = {
    "mean": lambda states: states.mean(0),
    "max": lambda states: states.max(0),
    "last": lambda states: states[-1],
    "none": lambda states: states,
}


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pieces_give_the_pool_of_the_whole(pooling: Pooling, dtype: torch.dtype) -> None:
    states = torch.randn(50, 7, generator=torch.Generator().manual_seed(1), dtype=dtype)
    pool = make_pool(pooling, 50)
    for piece in states.split([1, 20, 29]):
        pool.add(piece)
    found, expected = pool.result(), WHOLE[pooling](states.numpy())
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_half_precision_states_are_pooled_in_float32() -> None:
    states = torch.full((1000, 2), 1.0, dtype=torch.bfloat16)
    states[0] = 1.5
    pool = make_pool("mean", 1000)
    pool.add(states)
    assert pool.result().dtype == np.float32
    np.testing.assert_allclose(pool.result(), 1.0005, rtol=1e-7)


def test_a_mean_over_a_million_positions_keeps_its_digits() -> None:
    pool = make_pool("mean", 1_000_000)
    for _ in range(1000):
        pool.add(torch.full((1000, 1), 0.1))
    np.testing.assert_allclose(pool.result(), np.float32(0.1), rtol=2e-7)


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
def test_a_fork_goes_on_alone(pooling: Pooling) -> None:
    first, second, third = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(2)).unbind()
    pool = make_pool(pooling, 4)
    pool.add(first)
    fork = pool.fork()
    pool.add(second)
    fork.add(third)
    for found, states in ((pool, (first, second)), (fork, (first, third))):
        expected = WHOLE[pooling](torch.cat(states).numpy())
        np.testing.assert_allclose(found.result(), expected, rtol=1e-6, atol=1e-7)


def test_a_result_shares_no_memory_with_the_states() -> None:
    states = torch.zeros(3, 2)
    pools = [make_pool(pooling, 3) for pooling in ("mean", "max", "last", "none")]
    for pool in pools:
        pool.add(states)
    states.fill_(9)
    assert all((pool.result() == 0).all() for pool in pools)


def test_positions_that_would_fill_the_memory_lie_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HELD_BYTES", 100)
    states = torch.arange(60.0).reshape(30, 2)
    pool = make_pool("none", 30)
    pool.add(states[:10])
    pool.add(states[10:])
    found: Any = pool.result()
    assert isinstance(found, np.memmap)
    assert (found == states.numpy()).all()
