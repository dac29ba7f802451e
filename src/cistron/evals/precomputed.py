"""A table of vectors as a respondent: any model, run anywhere, on the same tasks.

Rows are named by the address of a sequence, as `cistron eval export` names its records, or by what a task
calls its items, such as the symbols of genes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from cistron.errors import InputError
from cistron.evals.answers import Answer, Vectors
from cistron.evals.requests import EmbedRequest, NameRequest, Request, item_key
from cistron.formats.atomic import sha256_file
from cistron.formats.named_vectors import ENDINGS, read_named_vectors


def is_vector_table(name: str) -> bool:
    """Whether `--model name` means a table of vectors."""
    return name.endswith(ENDINGS)


@dataclass(frozen=True)
class PrecomputedVectors:
    """Implements `cistron.evals.Respondent` for requests of sequences and of names that the table has.

    Layer, pooling and strands of a request are whatever the table was made with.

    Attributes:
        path: The table.
    """

    path: Path

    def read(self) -> None:
        """Read the table now rather than at the first question.

        Raises:
            InputError: It is damaged.
        """
        self._table  # noqa: B018 - reading it is the point

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.name.partition(".")[0]

    @cached_property
    def sha256(self) -> str:
        """Hash of the file."""
        return sha256_file(self.path)

    @property
    def facts(self) -> Mapping[str, str]:
        """File, number and length of the vectors."""
        rows, vectors = self._table
        return {"table": self.path.name, "vectors": f"{len(rows):,} of {vectors.shape[1]:,} numbers"}

    def refuses(self, request: Request) -> str | None:
        """Why the table does not have what is asked: every sequence, or half of the names."""
        if not isinstance(request, EmbedRequest | NameRequest):
            return f"a table of vectors cannot answer requests to {request.kind}"
        rows, _ = self._table
        names = _names_of(request)
        missing = [each for each in names if each not in rows]
        told = f"the table lacks {len(missing):,} of {len(names):,} {request.items_field}"
        if isinstance(request, NameRequest):
            return f"{told}, the first {missing[0]}" if 2 * len(missing) > len(names) else None
        return f"{told}, the first {missing[0]}; cistron eval export writes them" if missing else None

    def answer(self, request: Request) -> Answer:
        """The rows of the table; of names that it lacks NaN.

        Raises:
            InputError: A vector that is asked for holds something that is not a number.
        """
        assert isinstance(request, EmbedRequest | NameRequest)
        rows, vectors = self._table
        places = np.array([rows.get(each, -1) for each in _names_of(request)])
        found = np.where((places < 0)[:, None], np.float32("nan"), vectors[places])
        broken = np.flatnonzero((places >= 0) & ~np.isfinite(found).all(axis=1))
        if isinstance(request, NameRequest) and len(broken):
            raise InputError(
                f"{self.path} has {len(broken):,} vectors that are not numbers, the first that of"
                f" {request.names[int(broken[0])]}"
            )
        return Vectors(found)

    @cached_property
    def _table(self) -> tuple[dict[str, int], Float32[np.ndarray, "N D"]]:
        names, vectors = read_named_vectors(self.path)
        return {name: row for row, name in enumerate(names)}, vectors


def _names_of(request: EmbedRequest | NameRequest) -> list[str]:
    """What the rows for the items of a request are called."""
    if isinstance(request, NameRequest):
        return list(request.names)
    return [item_key(each).hex() for each in request.sequences]
