"""What a model expects at every base of both alleles' windows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float64

from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.inference.likelihood import ref_log_p
from cistron.inference.next_base import Block
from cistron.inference.score import checked_width, usual_batch_tokens
from cistron.inference.scoring.allele_windows import AlleleWindows, Strands

if TYPE_CHECKING:
    from cistron.server.service import Service


class Haplotype(NamedTuple):
    """One allele in its window, along the plus strand.

    Attributes:
        bases: The window.
        log_p: Natural logarithm of the probability of each base; NaN where there is none.
    """

    bases: str
    log_p: Float64[np.ndarray, "L"]


class Profile(NamedTuple):
    """Both alleles of a variant in the same window.

    Attributes:
        chrom: Contig as the genome calls it.
        start: First base of the window, 0-based.
        allele_start: Offset of the allele in both windows.
        ref: With the reference allele.
        alt: With the alternative allele.
    """

    chrom: str
    start: int
    allele_start: int
    ref: Haplotype
    alt: Haplotype


def ask_profile(
    service: Service, model: str, genome: str, variant: Variant, *, width: int | None, strands: Strands
) -> Future[list[Profile | AlleleStatus]]:
    """Queue one variant; the answer is why there is no window where there is none.

    Args:
        service: The service.
        model: Name of a model.
        genome: Name of a genome.
        variant: The allele.
        width: Window in bp; the model's own when None.
        strands: `both` is for each base the mean of both readings.
    """

    def run(items: Sequence[Variant]) -> list[Profile | AlleleStatus]:
        with service.residents.use(model) as loaded:
            most = checked_width(loaded.model, width)
            cutter = AlleleWindows(service.genomes.of(genome), most, strands="forward", check_ref="warn")
            plans = [cutter.of(item) for item in items]
            windows = [plan[0] for plan in plans if not isinstance(plan, AlleleStatus)]
            texts = [text for window in windows for text in (window.ref_sequence, window.alt_sequence)]
            blocks = [Block(text, 0, len(text)) for text in texts]
            tokens = usual_batch_tokens(loaded.model)
            log_p = ref_log_p(loaded.model, loaded.tokenizer, blocks, strands=strands, batch_tokens=tokens)
        haplotypes = map(Haplotype, texts, log_p)
        return [
            plan
            if isinstance(plan, AlleleStatus)
            else Profile(*plan[0].origin, len(plan[0].upstream), next(haplotypes), next(haplotypes))
            for plan in plans
        ]

    longest = 2 * (width or service.residents.described(model).width)
    return service.quick.submit(("profile", model, genome, width, strands), [variant], longest, run)
