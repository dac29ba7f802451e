"""Are percentiles what they say? Fresh random changes, where no percentile was made, must spread evenly.

The shipped table comes from GRCh37 chr20:1-20,000,000. Here other random changes, from chr20:20,000,001 to
the end, and common SNPs from there are given percentiles by it. Of calibrated percentiles, p % lie at or
below p; common SNPs, which selection has spared, should lie higher. Writes `bench/results/calibration.json`
and `docs/figures/calibration.png`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from machine import machine_facts
from numpy.typing import NDArray

import cistron
from cistron.cli.progress import progress_bar
from cistron.formats.fasta import Fasta
from cistron.genome import Interval, Variant
from cistron.inference.calibration import Percentiles, draw
from cistron.inference.load import LoadedModel

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results/calibration.json"
FIGURE = ROOT / "docs/figures/calibration.png"
TEST = Interval("20", 20_000_000, 63_025_520)
SEED = 2
LEVELS = (1, 5, 10, 25, 50, 75, 90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="fresh changes of every kind")
    parser.add_argument("--common", type=int, default=500, help="common SNPs")
    options = parser.parse_args()
    data = Path(os.environ.get("CISTRON_DATA", ROOT / "../shared/data"))
    model = cistron.load(device="cpu")
    with Fasta(data / "human/chr20.fa.gz") as reference:
        chrom = next(iter(reference.contigs))
        region = Interval(chrom, TEST.start, TEST.end)
        fresh = [v for number in range(options.rounds) for v in draw(reference, [region], SEED, number)]
        single = [len(v.ref) == len(v.alt) for v in fresh]
        found = percentiles(model, reference, fresh, "Random changes")
        groups = {
            "random substitutions": found[np.array(single)],
            "random indels": found[~np.array(single)],
            "common SNPs": percentiles(
                model, reference, common_snps(data, options.common, chrom), "Common SNPs"
            ),
        }
    result = {
        "what": f"fresh random changes and common SNPs of GRCh37 chr20:{TEST.start + 1:,}-end",
        "model": model.name,
        "model_sha256": model.sha256,
        "rounds_of_the_table": model.calibration.facts["rounds"] if model.calibration else None,
        "groups": {name: summary(values) for name, values in groups.items()},
        "machine": machine_facts("torch", "numpy"),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    draw_figure(groups)
    print(json.dumps(result["groups"], indent=2))


def common_snps(data: Path, count: int, chrom: str) -> list[Variant]:
    """`count` common SNPs of the test region, evenly spread."""
    table = pq.read_table(data / "variants/common_snps_hg19_chr20_22_X.parquet")
    table = table.filter(pc.equal(pc.cast(table["_labels"], "string"), "chr20"))
    table = table.filter(pc.greater_equal(table["_starts"], TEST.start))
    rows = table.take(np.linspace(0, len(table) - 1, count).astype(int)).to_pylist()
    return [Variant(chrom, row["_starts"] + 1, row["ref"], row["alt"]) for row in rows]


def percentiles(
    model: LoadedModel, reference: Fasta, variants: Sequence[Variant], title: str
) -> NDArray[np.float64]:
    """Percentile of each variant; NaN where it has none."""
    assert model.calibration is not None, "the model has no calibration.json"
    places = Percentiles(model.calibration, reference)
    found = []
    with progress_bar(title, len(variants), "variants") as advance:
        for score in model.score_variants(variants, reference):
            found.append(places.of(score.variant, score.llr))
            advance(1)
    return np.array([np.nan if value is None else value for value in found])


def summary(values: NDArray[np.float64]) -> dict[str, Any]:
    """Per cent at or below each level, and the largest distance from an even spread."""
    known = np.sort(values[np.isfinite(values)])
    below = {str(level): float(100 * np.mean(known <= level)) for level in LEVELS}
    even = 100 * np.arange(1, len(known) + 1) / len(known)
    return {"n": len(known), "at_or_below": below, "largest_distance": float(np.abs(even - known).max())}


def draw_figure(groups: dict[str, NDArray[np.float64]]) -> None:
    """Share of changes at or below each percentile, with the band that chance allows."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 5), layout="constrained")
    n = int(np.isfinite(groups["random substitutions"]).sum())
    # Kolmogorov's 95 % band around an even spread.
    axes.fill_between(
        [0, 100], [-136 / n**0.5, 100 - 136 / n**0.5], [136 / n**0.5, 100 + 136 / n**0.5], alpha=0.15
    )
    axes.plot([0, 100], [0, 100], color="black", linewidth=0.8)
    for name, values in groups.items():
        known = np.sort(values[np.isfinite(values)])
        axes.step(
            known, 100 * np.arange(1, len(known) + 1) / len(known), label=f"{name} (n = {len(known):,})"
        )
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="CISTRON_PCT", ylabel="% of changes at or below")
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(FIGURE, dpi=130)


if __name__ == "__main__":
    main()
