"""Work goes on in smaller batches where memory does not suffice, and says so once."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import torch

from cistron.errors import InputError
from cistron.inference.planning import BATCH_TOKENS
from cistron.inference.planning.budget import Budget, ran_out_of_memory
from cistron.inference.planning.free_memory import free_memory, used_memory
from cistron.models.genos import MODEL

GIB = 2**30


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return MODEL.build(MODEL.sizes["genos-tiny"]).eval()


def limited(most: int, error: Exception):
    """Work that fails above so many tokens, and writes down what it was asked for."""
    asked: list[int] = []

    def work(batch_tokens: int) -> int:
        asked.append(batch_tokens)
        if batch_tokens > most:
            raise error
        return batch_tokens

    return work, asked


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] data. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("unable to mmap 38474084 bytes from file <a>: Cannot allocate memory (12)"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=["python", "gpu", "cpu", "mmap", "c++"],
)
def test_work_that_runs_out_of_memory_is_done_again_in_halves_and_told_once(error):
    told: list[str] = []
    budget = Budget(16_384, told.append)
    work, asked = limited(3000, error)
    assert budget.run(work) == 2048
    assert asked == [16_384, 8192, 4096, 2048]
    assert budget.run(work) == 2048, "what has turned out too large is not tried again"
    assert budget.batch_tokens == 2048
    assert len(told) == 1
    assert "8,192 tokens" in told[0]


def test_work_that_never_fits_is_refused_with_what_to_do():
    work, asked = limited(0, MemoryError())
    with pytest.raises(InputError, match="memory ran out with 256 tokens at a time; give shorter sequences"):
        Budget(1024).run(work)
    assert asked == [1024, 512, 256]


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("no")])
def test_other_errors_are_not_taken_for_a_lack_of_memory(error):
    work, asked = limited(0, error)
    with pytest.raises(type(error), match=str(error)):
        Budget(1024).run(work)
    assert asked == [1024]


def test_an_allocation_that_cannot_be_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**62, dtype=torch.int8)
    assert ran_out_of_memory(caught.value)


def test_the_first_batch_fits_the_memory_there_is(model):
    told: list[str] = []
    plenty = Budget.fitted(model, 512, memory=64 * GIB, told=told.append)
    assert plenty.batch_tokens == BATCH_TOKENS
    assert not told
    scarce = Budget.fitted(model, 512, memory=4_000_000, told=told.append)
    assert 256 <= scarce.batch_tokens < BATCH_TOKENS
    assert told == [f"memory is short: going on with batches of {scarce.batch_tokens:,} tokens or fewer"]


def test_batches_side_by_side_share_the_memory(model):
    alone = Budget.fitted(model, 512, memory=8_000_000).batch_tokens
    assert Budget.fitted(model, 512, memory=16_000_000, side_by_side=2).batch_tokens == alone
    assert Budget.fitted(model, 512, memory=8_000_000, side_by_side=4).batch_tokens < alone


def test_a_verb_takes_a_number_or_a_budget_that_goes_on():
    budget = Budget(512)
    assert Budget.of(budget) is budget
    assert Budget.of(512).batch_tokens == 512


def test_a_wanted_batch_is_taken_where_it_fits_and_never_enlarged(model):
    assert Budget.fitted(model, 64, 100, memory=64 * GIB).batch_tokens == 100
    assert Budget.fitted(model, 64, 100, memory=4_000_000).batch_tokens == 100


def test_a_sequence_whose_state_does_not_fit_is_refused_with_the_numbers(model):
    with pytest.raises(InputError, match=r"State of 1,000,000 tokens.* GiB are there; give shorter"):
        Budget.fitted(model, 1_000_000, memory=2_000_000)


def test_free_memory_obeys_the_limit_of_the_process():
    assert 0 < free_memory() < 2**50
    program = "from cistron.inference.planning.free_memory import free_memory; print(free_memory())"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (GIB, GIB))

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, preexec_fn=limit, check=True
    )
    assert 0 < int(found.stdout) < GIB


def test_used_memory_grows_with_what_is_held():
    before = used_memory()
    held = torch.ones(32 * 2**20, dtype=torch.uint8)
    assert used_memory() - before > 24 * 2**20
    del held
