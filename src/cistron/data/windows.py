"""Windows cut inside one stretch of a contig: every start is as likely as any other."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np
from jaxtyping import Int64

from cistron.data.letters import Lookup
from cistron.data.packed import Contig, PackedCorpus
from cistron.data.spans import Spans, intersection, merged, no_spans
from cistron.errors import InputError
from cistron.genome import Interval


class Windows:
    """All windows of one length that lie in one stretch each; see `cistron.data.pools.Pool`.

    Args:
        corpus: Where they come from.
        source: Number of the source.
        lookup: What bases become.
        length: In tokens.
        gene_distance: Only windows at most so many bp away from a gene; None for all.

    Raises:
        InputError: `gene_distance` is given and the source has no annotation.
    """

    def __init__(
        self, corpus: PackedCorpus, source: int, lookup: Lookup, length: int, gene_distance: int | None
    ) -> None:
        self._corpus: Final = corpus
        self._lookup: Final = lookup
        self._length: Final = length
        require_genes(corpus, source, gene_distance)
        spans = [
            _starts(contig, length, gene_distance) + contig.offset for contig in corpus.contigs_of(source)
        ]
        starts = np.concatenate([no_spans(), *spans])
        # A memory view is searched one number at a time several times faster than an array.
        self._firsts: Final = np.ascontiguousarray(starts[:, 0]).data
        self._numbers: Final = np.concatenate(([0], np.cumsum(starts[:, 1] - starts[:, 0]))).data

    def size(self, reverse: bool) -> int:
        """How many there are; both strands have as many."""
        return self._numbers[-1]

    def accepts(self, number: int) -> bool:
        """Whether at least half of the window's bases are known."""
        return 2 * self._corpus.num_unknown(self._position(number), self._length) <= self._length

    def fill(
        self,
        number: int,
        reverse: bool,
        ids: Int64[np.ndarray, "L"],
        documents: Int64[np.ndarray, "L"] | None,
    ) -> None:
        """Write the window's token ids; it is one document."""
        self._corpus.read(self._position(number), self._lookup, ids, reverse=reverse)

    def places(self, number: int, reverse: bool) -> list[Interval]:
        """Where the window lies."""
        return [self._corpus.locate(self._position(number), self._length, "-" if reverse else "+")]

    def _position(self, number: int) -> int:
        span = bisect_right(self._numbers, number) - 1
        return self._firsts[span] + number - self._numbers[span]


def require_genes(corpus: PackedCorpus, source: int, gene_distance: int | None) -> None:
    """Return silently when a distance to genes is not asked for or can be told.

    Raises:
        InputError: The source has no annotation.
    """
    row = corpus.sources[source]
    if gene_distance is not None and not row.has_genes:
        raise InputError(
            f"a distance to genes is asked for, but source '{row.name}' of {corpus.folder} has no annotation;"
            " build the corpus with one (--annotation)"
        )


def near_genes(contig: Contig, distance: int, width: int) -> Spans:
    """Starts of all stretches of `width` bp at most `distance` bp away from a gene, 0 when they overlap."""
    return merged(contig.genes + np.array([-distance - width, distance + 1]))


def _starts(contig: Contig, length: int, gene_distance: int | None) -> Spans:
    """First bases of windows, as stretches of the contig."""
    fitting: Spans = contig.stretches - np.array([0, length - 1])
    fitting = fitting[fitting[:, 0] < fitting[:, 1]]
    if gene_distance is None:
        return fitting
    return intersection(merged(fitting), near_genes(contig, gene_distance, length))
