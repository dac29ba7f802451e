"""Work in shards: each done once, in batches that fit the memory, and kept in a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from cistron.cli.progress import note
from cistron.formats.journal import Journal

if TYPE_CHECKING:
    from cistron.inference.planning.budget import Budget
    from cistron.models import Model

T = TypeVar("T")


def budget_of(
    journal: Journal, model: Model, longest: int, batch_tokens: int, *, side_by_side: int = 1
) -> Budget:
    """How many tokens a run takes together: as many as at the end of the run it resumes, or what fits.

    The caller notes the budget's `batch_tokens` in the journal with every block.

    Args:
        journal: Of the run.
        model: Whose memory is reckoned with.
        longest: Most tokens of one text.
        batch_tokens: Wanted.
        side_by_side: Batches that are in work at a time.

    Raises:
        InputError: Memory does not suffice for the smallest batch.
    """
    from cistron.inference.planning.budget import Budget

    if journal.note:
        return Budget(journal.note, note)
    return Budget.fitted(model, longest, batch_tokens, side_by_side=side_by_side, told=note)


def fill_shards(
    journal: Journal,
    shards: Iterable[T],
    work: Callable[[T, int], bytes],
    *,
    model: Model,
    longest: int,
    batch_tokens: int,
    advance: Callable[[T], None],
) -> None:
    """Do all shards that the journal does not have yet.

    Where memory runs out the batch is halved, and a resumed run goes on with the size that was in force.

    Args:
        journal: Gets a block for each shard.
        shards: The same ones, in the same order, whenever a run is repeated.
        work: Gives what to keep of a shard, done in batches of at most so many tokens.
        model: Whose memory is reckoned with.
        longest: Most tokens of one text.
        batch_tokens: To begin with.
        advance: Called with each shard that is done, those of an earlier run included.

    Raises:
        InputError: Memory does not suffice for the smallest batch.
        OutputError: The disk is full.
    """
    budget = budget_of(journal, model, longest, batch_tokens)
    remaining = iter(shards)
    for shard in islice(remaining, journal.done):
        advance(shard)
    for shard in remaining:
        found = budget.run(lambda tokens, shard=shard: work(shard, tokens))
        journal.append(found, budget.batch_tokens)
        advance(shard)
