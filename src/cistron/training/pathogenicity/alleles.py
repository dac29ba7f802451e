"""What a model says of alleles: the states of both alleles' windows, as a head keeps them, and the llr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cistron.genome import Reference, Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.windows import AlleleWindow
from cistron.heads.allele_pair import AllelePair
from cistron.inference.batching import by_length
from cistron.inference.load import LoadedModel
from cistron.inference.predict import Text, hidden_of
from cistron.inference.score import checked_width
from cistron.inference.scoring.allele_windows import AlleleWindows

BLOCK: Final = 128
"""Alleles that are read together; a constant, so that a resumed run repeats the very same batches."""


class Reading(NamedTuple):
    """What a model says of one allele.

    Attributes:
        vectors: `(strands, 2, S)`, on each strand what the head keeps of reference and alternative.
        llr: Log-likelihood ratio of alternative against reference in nats.
        status: Why there is neither; None where there are both.
    """

    vectors: Float[np.ndarray, "T 2 S"] | None
    llr: float | None
    status: AlleleStatus | None


@dataclass(frozen=True)
class AlleleReader:
    """Reads alleles with a model, as one head wants them.

    Attributes:
        loaded: The model.
        head: Says what is kept of a window.
        reference: Genome of the alleles.
        width: Window in bp; the model's own when None.
        around: Bases behind an allele, in reading direction, whose states count as the allele's own.
        layers: Layers to read, side by side.
        lengths: Contig lengths that the alleles' file states.
        batch_tokens: Most tokens run together.
    """

    loaded: LoadedModel
    head: AllelePair
    reference: Reference
    width: int | None = None
    around: int = 8
    layers: tuple[str | int, ...] = ()
    lengths: Mapping[str, int | None] | None = None
    batch_tokens: int = 16_384

    @property
    def strands(self) -> int:
        """Strands that are read: both."""
        return 2

    def read(self, variants: Iterable[Variant]) -> Iterator[Reading]:
        """Yield a reading for each allele, in order, `BLOCK` of them ahead.

        Raises:
            WindowError: The width exceeds the model's context.
        """
        width = checked_width(self.loaded.model, self.width)
        cutter = AlleleWindows(self.reference, width, check_ref="warn", lengths=self.lengths)
        remaining = iter(variants)
        while block := list(islice(remaining, BLOCK)):
            plans = [cutter.of(variant) for variant in block]
            cut = [plan for plan in plans if not isinstance(plan, AlleleStatus)]
            vectors = iter(self._vectors(cut))
            scores = self.loaded.score_variants(
                block, self.reference, width=width, check_ref="warn", lengths=self.lengths
            )
            for plan, score in zip(plans, scores, strict=True):
                found = None if isinstance(plan, AlleleStatus) else next(vectors)
                usable = found is not None and score.llr is not None
                yield Reading(found, score.llr, None) if usable else Reading(None, None, score.status)

    def _vectors(self, alleles: Sequence[Sequence[AlleleWindow]]) -> list[Float[np.ndarray, "T 2 S"]]:
        texts = [[self._texts(window) for window in windows] for windows in alleles]
        different = list(dict.fromkeys(text for strands in texts for pair in strands for text in pair))
        found = dict(zip(different, self._summaries(different), strict=True))
        return [np.array([[found[text] for text in pair] for pair in strands]) for strands in texts]

    def _texts(self, window: AlleleWindow) -> tuple[Text, Text]:
        """Both alleles' windows; what matters is the allele and some bases behind it."""
        at = len(window.upstream)
        pairs = (window.ref_sequence, window.ref), (window.alt_sequence, window.alt)
        ref, alt = (
            Text(bases, (at, min(at + len(allele) + self.around, len(bases)))) for bases, allele in pairs
        )
        return ref, alt

    def _summaries(self, texts: Sequence[Text]) -> list[Float[np.ndarray, "S"]]:
        """What the head keeps of each text."""
        found: list[Tensor | None] = [None] * len(texts)
        model, tokenizer = self.loaded.model, self.loaded.tokenizer
        with torch.inference_mode():
            for rows in by_length([len(text.bases) for text in texts], self.batch_tokens):
                hidden = hidden_of(model, tokenizer, [texts[row] for row in rows], self.layers)
                for row, summary in zip(rows, self.head.summarise(hidden).float().cpu(), strict=True):
                    found[row] = summary
        return [summary.numpy() for summary in found if summary is not None]
