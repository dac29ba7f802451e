"""Never run out of memory: batches that fit before they start, and smaller ones when they did not."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from cistron.errors import InputError
from cistron.inference.chunks import LEAST_TOKENS
from cistron.inference.planning import BATCH_TOKENS, fit_batch
from cistron.inference.planning.free_memory import free_memory
from cistron.models import Model

T = TypeVar("T")

_PLENTY = 64
"""Numbers for each token and hidden unit, more than any model takes: where they fit, nothing is measured."""

_SIGNS = (
    "DefaultCPUAllocator",
    "Cannot allocate memory",
    "std::bad_alloc",
    "could not create a memory object",
)
"""What errors of torch's allocator, of the system, of C++ and of oneDNN say when memory ran out."""


class Budget:
    """How many tokens a verb runs together, halved whenever that turns out to be too much.

    Answers differ by rounding between batch sizes, so the size in force belongs to what a run must remember
    to be resumed: write `batch_tokens` down with every finished block and begin a resumed run with the last.

    Args:
        batch_tokens: To begin with.
        told: Gets one line when the size is changed first.

    Attributes:
        batch_tokens: In force now.
        started: The first.
    """

    def __init__(self, batch_tokens: int, told: Callable[[str], None] = lambda line: None) -> None:
        self.batch_tokens = self.started = batch_tokens
        self._told = told

    @classmethod
    def fitted(
        cls,
        model: Model,
        longest: int,
        batch_tokens: int | None = None,
        *,
        side_by_side: int = 1,
        memory: int | None = None,
        told: Callable[[str], None] = lambda line: None,
    ) -> Budget:
        """A budget whose first batch fits the memory there is, which Linux would not forgive otherwise.

        Args:
            model: Implements `cistron.models.Model`, with its weights in memory already.
            longest: Tokens of the longest sequence, window or prompt with its continuation.
            batch_tokens: Wanted; `BATCH_TOKENS` when None. Halved until it fits.
            side_by_side: Batches that are in work at a time.
            memory: Bytes for State and activations; what is free when None.
            told: Gets one line when less than wanted is used.

        Raises:
            InputError: Not even the smallest batch fits; says what takes the memory.
        """
        wanted = BATCH_TOKENS if batch_tokens is None else batch_tokens
        budget = cls(wanted, told)
        free = (free_memory(_device(model)) if memory is None else memory) // side_by_side
        if not _plenty(model, max(wanted, longest), free):
            from cistron.inference.planning.costs import measured_costs  # seldom needed, slow to import

            measured = cls(LEAST_TOKENS).run(lambda tokens: measured_costs(model))
            costs = replace(measured, weights=0)  # those are there already
            fitting = fit_batch(costs, longest, free, most=wanted).tokens
            budget._shrink(fitting, "memory is short")
        return budget

    @classmethod
    def of(cls, batch_tokens: int | Budget) -> Budget:
        """The budget that a verb was given, or one that begins with so many tokens and tells nobody."""
        return batch_tokens if isinstance(batch_tokens, Budget) else cls(batch_tokens)

    def run(self, work: Callable[[int], T]) -> T:
        """What `work` returns for the size in force; done again with half of it where memory runs out.

        Args:
            work: Does one block of work in batches of at most so many tokens; must be able to start over.

        Raises:
            InputError: Memory does not suffice for the smallest batch.
        """
        while True:
            try:
                return work(self.batch_tokens)
            except (MemoryError, RuntimeError) as error:
                if not ran_out_of_memory(error):
                    raise
                if self.batch_tokens <= LEAST_TOKENS:
                    raise InputError(
                        f"memory ran out with {self.batch_tokens} tokens at a time; give shorter sequences, "
                        "a smaller window, --dtype bfloat16 or a machine with more memory"
                    ) from error
            # Only here, where the error and the tensors it holds on to are gone.
            _release()
            self._shrink(max(self.batch_tokens // 2, LEAST_TOKENS), "memory ran out")

    def _shrink(self, batch_tokens: int, why: str) -> None:
        if batch_tokens >= self.batch_tokens:
            return
        first = self.batch_tokens == self.started
        self.batch_tokens = batch_tokens
        if first:
            self._told(f"{why}: going on with batches of {batch_tokens:,} tokens or fewer")


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # What torch raises on a CPU has no class of its own.
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def _release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _device(model: Model) -> torch.device:
    return model.empty_state(1).lengths.device


def _plenty(model: Model, tokens: int, free: int) -> bool:
    """Whether there is so much memory that measuring is not worth its fraction of a second."""
    return free > 2 * 4 * _PLENTY * model.config.hidden_size * tokens
