"""What `score.py` has scored: variants alone and in company, from GRCh37 chr20."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cistron.genome import Reference, Variant

REGION = 30_000_000
"""Start of the saturated stretch, in the test region: a cell of the grid of every slack begins there."""


class Case(NamedTuple):
    """One kind of input.

    Attributes:
        what: The input, in words.
        limit: What sharing can gain over two whole passes an allele, given attention's share of a pass.
        slack: `window_slack` to score it with, in parts of the width; 0 for centred windows.
        variants: So many alleles of it, beginning at some number.
    """

    what: str
    limit: Callable[[float], float]
    slack: float
    variants: Callable[[int, int], list[Variant]]


def cases(data: Path, reference: Reference) -> dict[str, Case]:
    """Name → case."""
    snps = common_snps(data, 1000)

    def three(first: int, count: int) -> list[Variant]:
        sites = snps[first // 3 : -(-(first + count) // 3)]
        return [Variant(v.chrom, v.pos, v.ref, alt) for v in sites for alt in "ACGT" if alt != v.ref]

    def saturated(first: int, count: int) -> list[Variant]:
        start, end = REGION + first // 3, REGION + -(-(first + count) // 3)
        bases = reference.fetch("chr20", start, end)
        return [
            Variant("chr20", start + i + 1, base, alt)
            for i, base in enumerate(bases)
            for alt in "ACGT"
            if alt != base
        ]

    def spread_out(first: int, count: int) -> list[Variant]:
        """One substitution every 24 bp: some twenty in a cell of the grid."""
        starts = [REGION + 24 * number for number in range(first, first + count)]
        bases = [reference.fetch("chr20", start, start + 1) for start in starts]
        return [
            Variant("chr20", start + 1, base, "ACGT"["CGTA".index(base)])
            for start, base in zip(starts, bases, strict=True)
        ]

    return {
        "isolated": Case(
            "common SNPs, each in the middle of its own window",
            lambda a: 2 / (1.5 + 0.25 * a),
            0,
            lambda first, count: snps[first : first + count],
        ),
        "three alleles": Case(
            "all three substitutions at the place of a common SNP", lambda a: 6 / (2.5 + 0.75 * a), 0, three
        ),
        "saturation": Case(
            "all three substitutions at consecutive places, windows shared",
            lambda a: 4 / (1 + 0.5 * a),
            1 / 8,
            saturated,
        ),
        "neighbours": Case(
            "a substitution every 24 bp, windows shared", lambda a: 4 / (1 + 0.5 * a), 1 / 8, spread_out
        ),
    }


def common_snps(data: Path, count: int) -> list[Variant]:
    """`count` common SNPs of chr20, evenly spread."""
    table = pq.read_table(data / "variants/common_snps_hg19_chr20_22_X.parquet")
    table = table.filter(pc.equal(pc.cast(table["_labels"], "string"), "chr20"))
    rows = table.take(np.linspace(0, len(table) - 1, count).astype(int)).to_pylist()
    return [Variant("chr20", row["_starts"] + 1, row["ref"], row["alt"]) for row in rows]
