"""Usable stretches: what windows may be cut from, once the bases are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cistron.data.index import ContigRow
from cistron.data.spans import Spans, difference, intersection, merged


def usable_stretches(
    contigs: Sequence[ContigRow], allowed: Sequence[Spans], runs: np.ndarray, longest_gap: int
) -> list[Spans]:
    """For each contig, its allowed bases without long gaps; every stretch begins and ends with a known base.

    Args:
        contigs: In the order of their bases.
        allowed: What filters leave of each.
        runs: Letters other than A, C, G, T: a table of `index.RUN`.
        longest_gap: Longer gaps end a stretch, in bp.
    """
    found = []
    for contig, stretches, inside in zip(contigs, allowed, runs_by_contig(contigs, runs), strict=True):
        rows = np.stack((inside["start"], inside["end"]), axis=1) - contig.offset
        gaps = merged(rows)
        stretches = difference(stretches, gaps[gaps[:, 1] - gaps[:, 0] > longest_gap])
        found.append(_trimmed(stretches, gaps))
    return found


def count_letters(contigs: Sequence[ContigRow], runs: np.ndarray) -> dict[str, int]:
    """Letter other than A, C, G, T → how often the contigs have it, most frequent first."""
    counts: Counter[str] = Counter()
    for inside in runs_by_contig(contigs, runs):
        for letter, length in zip(inside["letter"], inside["end"] - inside["start"], strict=True):
            counts[chr(letter)] += int(length)
    return dict(counts.most_common())


def runs_by_contig(contigs: Sequence[ContigRow], runs: np.ndarray) -> list[np.ndarray]:
    """For each contig, the runs that lie in it."""
    starts = np.ascontiguousarray(runs["start"])
    firsts = np.searchsorted(starts, [contig.offset for contig in contigs])
    lasts = np.searchsorted(starts, [contig.offset + contig.length for contig in contigs])
    return [runs[first:last] for first, last in zip(firsts, lasts, strict=True)]


def _trimmed(stretches: Spans, gaps: Spans) -> Spans:
    """The stretches without the gaps at their ends."""
    inside = intersection(stretches, gaps)
    at_end = np.isin(inside[:, 0], stretches[:, 0]) | np.isin(inside[:, 1], stretches[:, 1])
    return difference(stretches, inside[at_end])
