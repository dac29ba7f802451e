"""How plausible is each sequence?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from cistron.inference.haplotypes import Continuations, score_continuations
from cistron.models import Model
from cistron.tokenizers import Tokenizer


class Likelihood(NamedTuple):
    """Log-likelihood of one sequence.

    Attributes:
        total: Sum of natural-log probabilities over scored bases.
        bases: Scored bases: all but the first and N.
    """

    total: float
    bases: int

    @property
    def per_base(self) -> float:
        """Mean nats per scored base; negative, and NaN when no base was scored."""
        return self.total / self.bases if self.bases else float("nan")


def log_likelihood(
    model: Model,
    tokenizer: Tokenizer,
    sequences: Iterable[str],
    *,
    batch_tokens: int = 16_384,
    block: int = 256,
) -> Iterator[Likelihood]:
    """Yield the log-likelihood of each sequence, in order, reading `block` of them ahead.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        sequences: Upper or lower case; the first base of each is unscored.
        batch_tokens: Most tokens in one batch.
        block: Sequences that may be batched together; does not change the answers.
    """
    remaining = iter(sequences)
    while ahead := list(islice(remaining, block)):
        jobs = [Continuations("", (sequence,)) for sequence in ahead]
        for scored in score_continuations(model, tokenizer, jobs, batch_tokens=batch_tokens):
            tokens = scored.texts[0]
            yield Likelihood(float(np.nansum(tokens)), int(np.isfinite(tokens).sum()))
