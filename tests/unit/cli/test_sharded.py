from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cistron.cli.sharded import fill_shards
from cistron.formats.journal import Journal
from cistron.models import MODELS

SHARDS = [[], *([number] * number for number in range(1, 6))]
"""Of the first there is nothing to keep, as of a stretch of N."""


class Worker:
    """Work that runs out of memory with more than so many tokens, or stops at a shard."""

    def __init__(self, most: int = 10**9, stop: int | None = None) -> None:
        self.most, self.stop = most, stop
        self.done: list[tuple[int, int]] = []

    def __call__(self, shard: list[int], batch_tokens: int) -> bytes:
        if len(shard) == self.stop:
            raise KeyboardInterrupt
        if batch_tokens > self.most:
            raise torch.OutOfMemoryError("no room")
        self.done.append((len(shard), batch_tokens))
        return bytes(shard)


def fill(
    path: Path, work: Worker, *, resume: bool = False, tokens: int = 4096
) -> tuple[list[bytes], list[int]]:
    spec = MODELS.get("genos")
    model = spec.build(spec.sizes["genos-tiny"])
    advanced = []
    with Journal(path, {}, resume=resume) as journal:
        fill_shards(
            journal, SHARDS, work, model=model, longest=64, batch_tokens=tokens, advance=advanced.append
        )
        assert advanced == SHARDS
        return list(journal), sorted(journal.notes)


def test_every_shard_is_done_once_and_kept(tmp_path):
    work = Worker()
    assert fill(tmp_path / "j", work) == ([bytes(shard) for shard in SHARDS], [4096])
    assert work.done == [(number, 4096) for number in range(6)]


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_said_once(tmp_path, capsys):
    work = Worker(most=1100)
    results, sizes = fill(tmp_path / "j", work)
    assert results == [bytes(shard) for shard in SHARDS]
    assert sizes == [1024]
    assert work.done == [(number, 1024) for number in range(6)]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_resumed_run_does_the_rest_with_the_batch_that_was_in_force(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "j", Worker(most=1100, stop=3))
    work = Worker()
    results, sizes = fill(tmp_path / "j", work, resume=True)
    assert results == [bytes(shard) for shard in SHARDS]
    assert work.done == [(number, 1024) for number in (3, 4, 5)]
    assert sizes == [1024]


def test_other_errors_are_not_taken_for_a_lack_of_memory(tmp_path):
    def work(shard: list[int], batch_tokens: int) -> bytes:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        fill(tmp_path / "j", work)
