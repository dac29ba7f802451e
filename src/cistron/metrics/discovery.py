"""Which of many counts are higher than chance?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def poisson_tail(counts: Int[np.ndarray, "N"], mean: float) -> Float[np.ndarray, "N"]:
    """Chance of at least so many events where `mean` are expected."""
    from scipy.stats import poisson

    return np.asarray(poisson.sf(counts - 1, mean))


def negative_binomial_tail(
    counts: Int[np.ndarray, "N"], mean: float, variance: float
) -> Float[np.ndarray, "N"]:
    """Chance of at least so many events of a negative binomial distribution; Poisson's where it is narrower.

    Counts along a genome vary more than Poisson's law allows: mutation rate, callability and the age of
    haplotypes differ from place to place. This takes that spread as given and asks what exceeds it.

    Args:
        counts: Events.
        mean: Expected.
        variance: Of the counts.
    """
    from scipy.stats import nbinom

    if variance <= mean:
        return poisson_tail(counts, mean)
    successes = mean**2 / (variance - mean)
    return np.asarray(nbinom.sf(counts - 1, successes, mean / variance))


def benjamini_hochberg(p_values: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Each p-value's least false-discovery rate at which it would be called.

    Source: Benjamini & Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
    """
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted
