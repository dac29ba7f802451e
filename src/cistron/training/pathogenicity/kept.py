"""Readings in a journal, so that a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from jaxtyping import Float

from cistron.formats.journal import Journal
from cistron.genome import Variant
from cistron.training.pathogenicity.alleles import BLOCK, AlleleReader

Advance = Callable[[int], object]


def read_into(
    journal: Journal, reader: AlleleReader, variants: Sequence[Variant], advance: Advance = lambda count: None
) -> None:
    """Read the alleles that the journal does not have yet, a block at a time.

    Args:
        journal: Of these alleles and this reader.
        reader: Reads them.
        variants: All of them, in order.
        advance: Called with a number of alleles that were just read, or were known.
    """
    done = min(journal.done * BLOCK, len(variants))
    advance(done)
    size = 2 * reader.strands * reader.head.config.summary_size
    missing = np.full(size + 1, np.nan, dtype="<f4")
    readings = reader.read(islice(variants, done, None))
    while block := list(islice(readings, BLOCK)):
        rows = [
            missing if one.vectors is None or one.llr is None else np.append(one.vectors.ravel(), one.llr)
            for one in block
        ]
        journal.append(np.stack(rows).astype("<f4").tobytes())
        advance(len(block))


def readings(
    journal: Journal, reader: AlleleReader
) -> Iterator[tuple[Float[np.ndarray, "B T 2 S"], Float[np.ndarray, "B"]]]:
    """Vectors and llr of each block of alleles; NaN for those that could not be read."""
    size = reader.head.config.summary_size
    for payload in journal:
        rows = np.frombuffer(payload, dtype="<f4").reshape(-1, 2 * reader.strands * size + 1)
        yield rows[:, :-1].reshape(len(rows), reader.strands, 2, size), rows[:, -1]


def all_readings(
    journal: Journal, reader: AlleleReader
) -> tuple[Float[np.ndarray, "N T 2 S"], Float[np.ndarray, "N"]]:
    """Vectors and llr of all alleles."""
    vectors, llr = zip(*readings(journal, reader), strict=True)
    return np.concatenate(vectors), np.concatenate(llr)
