"""Batches of training windows: which windows step *s* holds depends on the seed and on *s* alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from cistron.data.counters import row_points, step_point
from cistron.data.letters import Lookup
from cistron.data.packed import PackedCorpus
from cistron.data.packing import PackedWindows
from cistron.data.pools import Choice, Draw, Pool, cumulative, weight_groups
from cistron.data.windows import Windows
from cistron.errors import InputError
from cistron.genome import Interval
from cistron.tokenizers import Tokenizer

_MOST_DRAWS: Final = 1000
"""Draws for a row before a corpus is taken to hold hardly anything but N."""


@dataclass(frozen=True)
class Batch:
    """Windows of one length.

    Attributes:
        input_ids: Token ids.
        document_ids: Equal numbers in a row mark one document; None when every window is one document, and
            then nothing has to be reset.
    """

    input_ids: Int64[np.ndarray, "B L"]
    document_ids: Int64[np.ndarray, "B L"] | None


@dataclass(frozen=True)
class WindowLength:
    """A length of windows, and how often they are drawn.

    Attributes:
        length: In tokens, which are bp.
        weight: Share of windows among all, in any unit.
        gene_distance: Windows farther than this from every gene, in bp, are not drawn; None draws all. A
            window that touches or overlaps a gene is 0 bp away from it.
    """

    length: int
    weight: float = 1.0
    gene_distance: int | None = None


class Sampler:
    """Draws batches; row *i* of step *s* depends on the seed, *s* and *i* alone.

    So the stream is the same whatever the number of ranks and workers, and resuming at step *s* is asking for
    step *s*. Windows are drawn with replacement, uniformly over all windows of a source.

    Every step holds windows of one length, `tokens // length` of them and at least one. A length is chosen
    for a step with probability ∝ weight / windows per step, so that shares of *windows* follow the weights
    on average.

    Two styles. By default a window is cut inside one stretch of a contig and is one document. With
    `pack_documents` the stretches of a source, each followed by `<EOD>`, are laid end to end and cut into
    windows, the rest of less than a window dropped. Source: the packing of Genos' pretraining, whose
    positions and attention run through a whole window; here documents are told apart unless
    `reset_documents` is false.

    Args:
        corpora: Where windows come from.
        tokenizer: Any with one token a base, and `<EOD>` among its specials for `pack_documents`.
        lengths: One or more.
        tokens: Per step, over all ranks.
        seed: Of all choices.
        reverse_share: Probability that a window is reverse-complemented.
        weights: How often windows come from each corpus, or from each source of all corpora in order; None
            draws all windows alike. Where there is no window of the step's length, the others take over.
        pack_documents: See above.
        reset_documents: Give `document_ids`; only matters with `pack_documents`.

    Raises:
        InputError: A number is out of range, weights do not fit, or no source has a window of some length.
    """

    def __init__(
        self,
        corpora: Sequence[PackedCorpus],
        tokenizer: Tokenizer,
        lengths: Sequence[WindowLength],
        *,
        tokens: int,
        seed: int,
        reverse_share: float = 0.5,
        weights: Sequence[float] | None = None,
        pack_documents: bool = False,
        reset_documents: bool = True,
    ) -> None:
        _require_sound(corpora, lengths, tokens, reverse_share)
        self._lengths: Final = tuple(lengths)
        self._tokens: Final = tokens
        self._seed: Final = seed
        self._reverse_share: Final = reverse_share
        self._documents: Final = pack_documents and reset_documents
        odds = np.array([each.weight / self._rows_of(each) for each in lengths])
        self._length_ends: Final = cumulative(odds)
        lookup = Lookup.for_tokenizer(tokenizer)
        end_of_document = _end_of_document(tokenizer) if pack_documents else 0

        def pool(corpus: PackedCorpus, source: int, window: WindowLength) -> Pool:
            wanted = corpus, source, lookup, window.length, window.gene_distance
            return PackedWindows(*wanted, end_of_document) if pack_documents else Windows(*wanted)

        groups = weight_groups([len(corpus.sources) for corpus in corpora], weights)
        sources = [(corpus, source) for corpus in corpora for source in range(len(corpus.sources))]
        self._choices: Final[list[Choice]] = []
        for window in lengths:
            choice = Choice.of([pool(corpus, source, window) for corpus, source in sources], *groups)
            if choice is None:
                raise InputError(_no_window(corpora, window))
            self._choices.append(choice)

    def length(self, step: int) -> int:
        """Window length of batch number `step`."""
        return self._window(step).length

    def rows(self, step: int) -> int:
        """Windows of batch number `step`."""
        return self._rows_of(self._window(step))

    def __call__(self, step: int, rows: slice | None = None) -> Batch:
        """Batch number `step`, or the given rows of it; a slice that reaches beyond the batch is cut."""
        draws = self._draws(step, rows)
        length = self.length(step)
        ids = np.empty((len(draws), length), dtype=np.int64)
        documents = np.empty_like(ids) if self._documents else None
        for row, draw in enumerate(draws):
            draw.pool.fill(draw.number, draw.reverse, ids[row], None if documents is None else documents[row])
        return Batch(ids, documents)

    def places(self, step: int, rows: slice | None = None) -> list[list[Interval]]:
        """For each row of a batch, where its bases come from; see `Pool.places`."""
        return [draw.pool.places(draw.number, draw.reverse) for draw in self._draws(step, rows)]

    def _window(self, step: int) -> WindowLength:
        return self._lengths[self._which(step)]

    def _which(self, step: int) -> int:
        """Number of the length of a step."""
        if len(self._lengths) == 1:
            return 0
        return bisect_right(self._length_ends, step_point(self._seed, step))

    def _rows_of(self, window: WindowLength) -> int:
        return max(self._tokens // window.length, 1)

    def _draws(self, step: int, rows: slice | None) -> list[Draw]:
        which = self._which(step)
        start, stop, stride = (rows or slice(None)).indices(self._rows_of(self._lengths[which]))
        wanted = range(start, stop, stride)
        if not wanted:
            return []
        span = range(min(wanted), max(wanted) + 1)
        points = row_points(self._seed, step, span)
        return [self._draw(step, which, row, points[row - span.start]) for row in wanted]

    def _draw(self, step: int, which: int, row: int, points: Float[np.ndarray, "4"]) -> Draw:
        for attempt in range(1, _MOST_DRAWS):
            draw = self._choices[which].draw(points, self._reverse_share)
            if draw.pool.accepts(draw.number):
                return draw
            points = row_points(self._seed, step, range(row, row + 1), attempt)[0]
        length = self._lengths[which].length
        raise InputError(f"hardly any window of {length:,} tokens of the corpus is not mostly N")


def _end_of_document(tokenizer: Tokenizer) -> int:
    found = tokenizer.special_ids.get("<EOD>")
    if found is None:
        raise InputError(
            f"the tokenizer '{tokenizer.name}' has no <EOD>, which packed documents end with; sample windows"
            " inside contigs instead (pack_documents = false)"
        )
    return found


def _require_sound(
    corpora: Sequence[PackedCorpus], lengths: Sequence[WindowLength], tokens: int, reverse_share: float
) -> None:
    """Return silently when every number is in range.

    Raises:
        InputError: One is not.
    """
    if not corpora or not lengths:
        raise InputError("a sampler needs at least one corpus and one window length")
    if any(each.length < 1 or each.weight <= 0 or (each.gene_distance or 0) < 0 for each in lengths):
        raise InputError("window lengths and their weights must be positive and gene distances not negative")
    if tokens < 1 or not 0 <= reverse_share <= 1:
        raise InputError(
            f"tokens per step must be positive and the reverse share between 0 and 1; they are {tokens} and"
            f" {reverse_share}"
        )


def _no_window(corpora: Sequence[PackedCorpus], window: WindowLength) -> str:
    stretches = [contig.stretches for corpus in corpora for contig in corpus.contigs]
    longest = max((int((spans[:, 1] - spans[:, 0]).max()) for spans in stretches if len(spans)), default=0)
    if longest >= window.length and window.gene_distance is not None:
        return (
            f"no window of {window.length:,} tokens lies within {window.gene_distance:,} bp of a gene; check"
            " the annotation or leave gene_distance out"
        )
    return (
        f"no stretch of the corpus is as long as a window of {window.length:,} tokens; the longest has"
        f" {longest:,} bp"
    )
