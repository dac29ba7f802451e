"""Who answers: anything with a name, a hash and answers; a loaded model, a table of vectors, a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cistron.evals.answers import Answer
from cistron.evals.requests import Request


class Respondent(Protocol):
    """A model that can be asked."""

    @property
    def name(self) -> str:
        """What to call it in tables; short."""
        ...

    @property
    def sha256(self) -> str:
        """Hash of everything its answers depend on: weights, arithmetic, code."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What to say about it in a report."""
        ...

    def refuses(self, request: Request) -> str | None:
        """Why it cannot answer, in one line; None when it can."""
        ...

    def answer(self, request: Request) -> Answer:
        """Answer all items of a request that it does not refuse; one row each, in order.

        An answer to an item must not depend, beyond rounding, on what else is in the request: requests are
        cut into blocks, and answers are kept by the content of their item.
        """
        ...
