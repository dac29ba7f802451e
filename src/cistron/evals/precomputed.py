"""A table of vectors as a respondent: any model, run anywhere, on the same tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from cistron.evals.answers import Answer, Vectors
from cistron.evals.requests import EmbedRequest, Request, item_key
from cistron.formats.atomic import sha256_file
from cistron.formats.named_vectors import ENDINGS, read_named_vectors


def is_vector_table(name: str) -> bool:
    """Whether `--model name` means a table of vectors."""
    return name.endswith(ENDINGS)


@dataclass(frozen=True)
class PrecomputedVectors:
    """Implements `cistron.evals.Respondent` for requests to embed sequences that the table has.

    Rows are named by the address of the sequence, as `cistron eval export` names its records. Layer, pooling
    and strands of a request are whatever the table was made with.

    Attributes:
        path: The table.
    """

    path: Path

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
        """Why the table does not have what is asked."""
        if not isinstance(request, EmbedRequest):
            return f"a table of vectors cannot answer requests to {request.kind}"
        rows, _ = self._table
        missing = [each for each in request.sequences if item_key(each).hex() not in rows]
        if missing:
            return (
                f"the table lacks {len(missing):,} of {len(request.sequences):,} sequences, the first"
                f" {item_key(missing[0]).hex()}; cistron eval export writes them"
            )
        return None

    def answer(self, request: Request) -> Answer:
        """The rows of the table."""
        assert isinstance(request, EmbedRequest)
        rows, vectors = self._table
        return Vectors(vectors[[rows[item_key(each).hex()] for each in request.sequences]])

    @cached_property
    def _table(self) -> tuple[dict[str, int], Float32[np.ndarray, "N D"]]:
        names, vectors = read_named_vectors(self.path)
        return {name: row for row, name in enumerate(names)}, vectors
