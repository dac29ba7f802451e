"""Signal along an alternative haplotype, brought back to the coordinates of the reference."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def realigned(signal: Float[np.ndarray, "T A"], start: int, ref: int, alt: int) -> Float[np.ndarray, "T R"]:
    """Signal of every track at the bases of the reference window; its sum is that of `signal`.

    Bases that both alleles have in common number, counted from the allele's start, correspond to each other.
    Deleted bases have no signal: no molecule covers them. The signal of inserted bases is added to the base
    before them, or to the one behind where the window begins with the insertion.

    Args:
        signal: Along the window with the alternative allele.
        start: Bases before the allele, the same in both windows.
        ref: Length of the reference allele in bp.
        alt: Length of the alternative allele in bp.
    """
    common = start + min(ref, alt)
    kept = [signal[:, :common], np.zeros((len(signal), ref - alt)) if ref > alt else signal[:, :0]]
    found = np.concatenate([*kept, signal[:, start + alt :]], axis=1)
    if alt > ref:
        found[:, max(common - 1, 0)] += signal[:, common : start + alt].sum(axis=1)
    return found
