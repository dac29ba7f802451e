"""Which of many counts are higher than chance?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

Expected = float | Float[np.ndarray, "N"]
"""One number for all counts, or one for each."""


def poisson_tail(counts: Int[np.ndarray, "N"], mean: Expected) -> Float[np.ndarray, "N"]:
    """Chance of at least so many events where `mean` are expected."""
    from scipy.stats import poisson

    return np.asarray(poisson.sf(counts - 1, mean))


def negative_binomial_tail(
    counts: Int[np.ndarray, "N"], mean: Expected, variance: Expected
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

    mean, variance = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(variance, dtype=float))
    wide = variance > mean
    beyond = np.where(wide, variance - mean, 1.0)
    found = nbinom.sf(counts - 1, mean**2 / beyond, np.where(wide, mean / variance, 1.0))
    return np.where(wide, found, poisson_tail(counts, mean))


def benjamini_hochberg(p_values: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Each p-value's least false-discovery rate at which it would be called.

    Source: Benjamini & Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
    """
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted
