"""Which waiting requests run together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Request:
    """A small request in front of a model.

    Attributes:
        kind: Requests of equal kind ask the same verb of the same model with the same options.
        items: What the verb is asked of.
        longest: Tokens of the longest item.
        run: Answers items of this kind, one answer each, in order.
        answer: Where the answers go.
    """

    kind: Hashable
    items: Sequence[Any]
    longest: int
    run: Callable[[Sequence[Any]], list[Any]]
    answer: Future[list[Any]] = field(default_factory=Future)


def pick(waiting: Sequence[Request], batch_tokens: int) -> list[Request]:
    """The request that waited longest, and those of its kind that fit beside it, nearest in length first.

    Args:
        waiting: In order of arrival; at least one.
        batch_tokens: Most tokens together, items times the longest of them; the first may have more alone.
    """
    first, *others = waiting
    alike = [request for request in others if request.kind == first.kind]
    chosen, rows, longest = [first], len(first.items), first.longest
    for request in sorted(alike, key=lambda request: abs(request.longest - first.longest)):
        together = max(longest, request.longest)
        if (rows + len(request.items)) * together <= batch_tokens:
            chosen.append(request)
            rows, longest = rows + len(request.items), together
    return chosen
