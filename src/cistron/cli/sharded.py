"""Work in shards: each done once, in batches that fit the memory, and kept in a journal."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from cistron.cli.progress import note
from cistron.formats.journal import Journal

if TYPE_CHECKING:
    from cistron.models import Model

T = TypeVar("T")

_SIZE: Final = struct.Struct("<I")  # tokens that ran together


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
        work: Gives what to keep of a shard, which is not empty, done in batches of at most so many tokens.
        model: Whose memory is reckoned with.
        longest: Most tokens of one text.
        batch_tokens: To begin with.
        advance: Called with each shard that is done, those of an earlier run included.

    Raises:
        InputError: Memory does not suffice for the smallest batch.
        OutputError: The disk is full.
    """
    from cistron.inference.planning.budget import Budget

    sizes = _sizes(journal)
    budget = Budget(sizes[-1], note) if sizes else Budget.fitted(model, longest, batch_tokens, told=note)
    remaining = iter(shards)
    for shard in islice(remaining, len(sizes)):
        advance(shard)
    for shard in remaining:
        found = budget.run(lambda tokens, shard=shard: work(shard, tokens))
        journal.append(_SIZE.pack(budget.batch_tokens) + found)
        advance(shard)


def shard_results(journal: Iterable[bytes]) -> Iterator[bytes]:
    """What `work` gave for each shard, in order."""
    for block in journal:
        yield block[_SIZE.size :]


def batch_sizes(journal: Iterable[bytes]) -> list[int]:
    """The batch sizes that were used, in tokens, the smallest first."""
    return sorted(set(_sizes(journal)))


def _sizes(journal: Iterable[bytes]) -> list[int]:
    return [_SIZE.unpack_from(block)[0] for block in journal]
