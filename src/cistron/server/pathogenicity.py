"""Benign or pathogenic: by an installed head, else by the zero-shot score's place among random changes.

Without a head, with *p* the share of random changes of the same kind (trinucleotide, or length of an indel)
that score lower, the answer is

    score_Pathogenic = a / (a + p),  a = 0.05

so that 0.5 is the lowest 5 per cent: a rank, not a probability of disease. A model that was never calibrated
answers 1 / (1 + exp(llr)). `docs/design/server.md` says what that is worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.server.heads import pathogenic
from cistron.server.problems import RefusedError
from cistron.server.unscored import why
from cistron.server.verbs import Scored, ask_scores

if TYPE_CHECKING:
    from cistron.server.service import Service

ALPHA: Final = 0.05
"""Share of random changes that would be called pathogenic."""

Answer = float | AlleleStatus | Scored
"""What a lane gives of one variant: a head's probability, why there is none, or a zero-shot score."""

_TOKENS: Final = 4_096
"""What one variant takes of a batch, with both alleles on both strands."""


class Verdict(NamedTuple):
    """What is said of one variant.

    Attributes:
        pathogenic: Between 0 and 1.
        method: What the answer was made from, in words.
        llr: The zero-shot score, where that was asked.
    """

    pathogenic: float
    method: str
    llr: float | None


def ask_verdicts(service: Service, model: str, genome: str, variant: Variant) -> Future[list[Answer]]:
    """Queue one variant for the head, or for the zero-shot score where none is installed."""
    if "pathogenicity" not in service.heads.names:
        return cast("Future[list[Answer]]", ask_scores(service, model, genome, [variant]))

    def run(items: Sequence[Variant]) -> list[Answer]:
        head = service.heads.of("pathogenicity")
        consequences = service.genomes.consequences_of(genome) if head.reads_consequences else None
        return list(pathogenic(head, service.genomes.of(genome), items, consequences))

    return service.quick.submit(("pathogenicity", genome), [variant], _TOKENS, run)


def verdict(service: Service, answer: Answer) -> Verdict:
    """What an answer of a lane says.

    Raises:
        RefusedError: The variant cannot be scored; the message says why (400).
    """
    if isinstance(answer, float):
        name = service.heads.of("pathogenicity").name
        return Verdict(answer, f"pathogenicity head '{name}'", None)
    if isinstance(answer, AlleleStatus):
        raise _unscored(answer)
    score, percentile = answer
    if score.llr is None:
        raise _unscored(score.status)
    if percentile is None:
        return Verdict(1 / (1 + math.exp(min(score.llr, 700))), "zero-shot score, not calibrated", score.llr)
    below = percentile / 100
    return Verdict(ALPHA / (ALPHA + below), "zero-shot score, calibrated by percentile", score.llr)


def _unscored(status: AlleleStatus | None) -> RefusedError:
    told = "no reason" if status is None else why(status)
    return RefusedError(400, f"the variant cannot be scored: {told}")
