"""Windows as Genos packs them: stretches laid end to end with `<EOD>` behind each, cut at exact lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Int64

from cistron.data.letters import Lookup
from cistron.data.packed import Contig, PackedCorpus
from cistron.data.spans import Spans, intersection, no_spans
from cistron.data.windows import near_genes, require_genes
from cistron.genome import Interval, Strand


class _Piece(NamedTuple):
    """Part of a document in a window.

    Attributes:
        at: Its first token in the window.
        bases: How many there are; may be 0.
        position: The first of them in the corpus, on the plus strand.
        ends: Whether `<EOD>` stands behind them.
    """

    at: int
    bases: int
    position: int
    ends: bool


class PackedWindows:
    """All windows of one length of a source's stream of documents; see `cistron.data.pools.Pool`.

    A document is a stretch and the `<EOD>` behind it. On the reverse strand every document is
    reverse-complemented in its place, `<EOD>` staying last.

    Args:
        corpus: Where they come from.
        source: Number of the source.
        lookup: What bases become.
        length: In tokens.
        gene_distance: Only windows with a base at most so many bp away from a gene; None for all.
        end_of_document: Token id.

    Raises:
        InputError: `gene_distance` is given and the source has no annotation.
    """

    def __init__(
        self,
        corpus: PackedCorpus,
        source: int,
        lookup: Lookup,
        length: int,
        gene_distance: int | None,
        end_of_document: int,
    ) -> None:
        self._corpus: Final = corpus
        self._lookup: Final = lookup
        self._length: Final = length
        self._end_of_document: Final = end_of_document
        require_genes(corpus, source, gene_distance)
        mine = corpus.contigs_of(source)
        spans = _joined([contig.stretches + contig.offset for contig in mine])
        self._firsts: Final = np.ascontiguousarray(spans[:, 0])
        self._sizes: Final = spans[:, 1] - spans[:, 0]
        self._begins: Final = np.concatenate(([0], np.cumsum(self._sizes + 1)))
        self._windows: Final = int(self._begins[-1]) // length
        self._chosen: Final = None if gene_distance is None else self._near(mine, gene_distance)

    def size(self, reverse: bool) -> int:
        """How many there are on one strand; genes may lie in other windows on the other."""
        return self._windows if self._chosen is None else len(self._chosen[int(reverse)])

    def accepts(self, number: int) -> bool:
        """Always true: every part of the stream is met alike."""
        return True

    def fill(
        self,
        number: int,
        reverse: bool,
        ids: Int64[np.ndarray, "L"],
        documents: Int64[np.ndarray, "L"] | None,
    ) -> None:
        """Write the window's token ids, and 0, 1, 2 … for its documents; `<EOD>` ends its own."""
        for document, piece in enumerate(self._pieces(number, reverse)):
            behind = piece.at + piece.bases
            self._corpus.read(piece.position, self._lookup, ids[piece.at : behind], reverse=reverse)
            if piece.ends:
                ids[behind] = self._end_of_document
            if documents is not None:
                documents[piece.at : behind + 1] = document

    def places(self, number: int, reverse: bool) -> list[Interval]:
        """Where the window's documents lie, in reading order."""
        strand: Strand = "-" if reverse else "+"
        pieces = self._pieces(number, reverse)
        return [self._corpus.locate(piece.position, piece.bases, strand) for piece in pieces if piece.bases]

    def _pieces(self, number: int, reverse: bool) -> Iterator[_Piece]:
        chosen = number if self._chosen is None else int(self._chosen[int(reverse)][number])
        begin, end = chosen * self._length, (chosen + 1) * self._length
        document = int(np.searchsorted(self._begins, begin, side="right")) - 1
        at = begin
        while at < end:
            size, first = int(self._sizes[document]), int(self._firsts[document])
            start = at - int(self._begins[document])
            bases = min(size - start, end - at)
            position = first + (size - start - bases if reverse else start)
            ends = at + bases < end
            yield _Piece(at - begin, bases, position, ends)
            at += bases + ends
            document += 1

    def _near(self, contigs: Sequence[Contig], distance: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the windows that come near a gene, forward and reverse."""
        near = [intersection(each.stretches, near_genes(each, distance, 1)) + each.offset for each in contigs]
        spans = _joined(near)
        documents = np.searchsorted(self._firsts, spans[:, 0], side="right") - 1
        begins, sizes = self._begins[documents], self._sizes[documents]
        inside = spans - self._firsts[documents, None]
        forward = begins[:, None] + inside
        mirrored = (begins + sizes)[:, None] - inside[:, ::-1]
        return self._touched(forward), self._touched(mirrored)

    def _touched(self, spans: Spans) -> Int64[np.ndarray, "W"]:
        """Numbers of the windows that hold any token of the given stretches of the stream."""
        firsts, lasts = spans[:, 0] // self._length, (spans[:, 1] - 1) // self._length
        ranges = [np.arange(first, last + 1) for first, last in zip(firsts, lasts, strict=True)]
        numbers = np.unique(np.concatenate([no_spans()[:, 0], *ranges]))
        return numbers[numbers < self._windows]


def _joined(spans: Sequence[Spans]) -> Spans:
    """Stretches of several contigs one after another, touching or not."""
    return np.concatenate([no_spans(), *spans])
