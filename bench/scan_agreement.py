"""How well the log-odds of a scan (tier 1) rank variants as exact two-sided scores do.

A scan gives every substitution of a stretch from one pass per strand; an exact score reads the downstream
bases behind each allele as well. Both are taken of the same SNVs of the test part of chr20: common SNPs, and
random substitutions at random places. Writes `bench/results/scan.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from machine import machine_facts
from numpy.typing import NDArray
from scipy.stats import spearmanr

import cistron
from cistron.formats.fasta import Fasta
from cistron.genome import Interval, Variant
from cistron.genome.sequence import ACGT
from cistron.inference.load import LoadedModel
from cistron.inference.scan import scan

RESULTS = Path(__file__).parent / "results" / "scan.json"
FIRST = 20_000_001
"""First position of the test part of chr20, 1-based."""

Values = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--each", type=int, default=500, help="SNVs of each kind")
    parser.add_argument("--bases", type=int, default=32_768, help="bases scanned to measure the rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    model = cistron.load(options.model, device="cpu")
    random = np.random.default_rng(options.seed)
    with Fasta(data / "human/chr20.fa.gz") as reference:
        chrom = next(iter(reference.contigs))
        variants = {
            "common": common_snps(data, chrom, options.each),
            "random": random_snvs(reference, chrom, options.each, random),
        }
        result = compare(model, reference, variants, options.bases, random)
    result |= {
        "model": model.name,
        "model_sha256": model.sha256,
        "width": model.model.config.width,
        "seed": options.seed,
        "machine": machine_facts("torch", "numpy") | {"threads": options.threads},
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def common_snps(data: Path, chrom: str, count: int) -> list[Variant]:
    """`count` common SNPs, evenly spread."""
    table = pq.read_table(data / "variants/common_snps_hg19_chr20_22_X.parquet")
    here = pc.equal(pc.cast(table["_labels"], "string"), "chr20")
    table = table.filter(pc.and_(here, pc.greater_equal(table["_starts"], FIRST - 1)))
    rows = table.take(np.linspace(0, len(table) - 1, count).astype(int)).to_pylist()
    return [Variant(chrom, row["_starts"] + 1, row["ref"], row["alt"]) for row in rows]


def random_snvs(reference: Fasta, chrom: str, count: int, random: np.random.Generator) -> list[Variant]:
    """`count` random substitutions at random places that hold a base."""
    found: list[Variant] = []
    while len(found) < count:
        pos = int(random.integers(FIRST, reference.contigs[chrom] + 1))
        ref = reference.fetch(chrom, pos - 1, pos)
        if ref in ACGT:
            found.append(Variant(chrom, pos, ref, str(random.choice([b for b in ACGT if b != ref]))))
    return found


def compare(
    model: LoadedModel,
    reference: Fasta,
    variants: dict[str, list[Variant]],
    bases: int,
    random: np.random.Generator,
) -> dict[str, Any]:
    """Agreement by kind of variant, and what either way costs."""
    every = [variant for group in variants.values() for variant in group]
    kinds = np.repeat(list(variants), [len(group) for group in variants.values()])
    exact_seconds, scores = timed(lambda: list(model.score_variants(every, reference)))
    llr = np.array([score.llr for score in scores], dtype=float)
    flank = np.array([score.flank for score in scores], dtype=float)
    first_look = log_odds(model, reference, every)
    kept = np.isfinite(llr) & np.isfinite(first_look)
    groups = {"all": kept} | {kind: kept & (kinds == kind) for kind in variants}
    middle = FIRST + (reference.contigs[every[0].chrom] - FIRST) // 2
    stretch = Interval(every[0].chrom, middle, middle + bases)
    scan_seconds, _ = timed(lambda: list(scan(model.model, model.tokenizer, reference, [stretch])))
    return {
        "agreement": {
            name: agreement(first_look[rows], llr[rows], flank[rows], random) for name, rows in groups.items()
        },
        "cpu_seconds_per_variant": {
            "exact": exact_seconds / len(every),
            "scan": scan_seconds / (3 * bases),
        },
    }


def log_odds(model: LoadedModel, reference: Fasta, variants: Sequence[Variant]) -> Values:
    """Tier 1: the scan's log-odds of each variant, in nats."""
    places = [Interval(v.chrom, v.start, v.start + 1) for v in variants]
    found = scan(model.model, model.tokenizer, reference, places)
    return np.array(
        [each.log_odds[0, ACGT.index(v.alt)] for each, v in zip(found, variants, strict=True)], dtype=float
    )


def agreement(first_look: Values, llr: Values, flank: Values, random: np.random.Generator) -> dict[str, Any]:
    """Rank correlations of one group with percentile intervals, and how much of the tail is shared."""
    return {
        "variants": len(llr),
        "spearman": interval(first_look, llr, rank_correlation, random),
        "spearman_with_allele_part": interval(first_look, llr - flank, rank_correlation, random),
        "lowest_tenth_shared": interval(first_look, llr, lowest_tenth_shared, random),
        "median_size_of_llr": float(np.median(np.abs(llr))),
        "median_size_of_flank": float(np.median(np.abs(flank))),
    }


def interval(
    first: Values,
    second: Values,
    statistic: Callable[[Values, Values], float],
    random: np.random.Generator,
    draws: int = 2000,
) -> dict[str, float]:
    """A statistic of pairs with its 95 % percentile interval from drawing variants with replacement."""
    rows = random.integers(len(first), size=(draws, len(first)))
    found = [statistic(first[each], second[each]) for each in rows]
    low, high = np.quantile(found, [0.025, 0.975])
    return {"estimate": statistic(first, second), "low": float(low), "high": float(high)}


def rank_correlation(first: Values, second: Values) -> float:
    """Spearman's."""
    return float(spearmanr(first, second).statistic)


def lowest_tenth_shared(first: Values, second: Values) -> float:
    """Which share of the tenth that is lowest by the one is also lowest by the other."""
    count = max(1, len(first) // 10)
    lowest = [set(np.argsort(values, kind="stable")[:count].tolist()) for values in (first, second)]
    return len(lowest[0] & lowest[1]) / count


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, which other processes on the machine do not stretch, and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
