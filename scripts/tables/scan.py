"""How the log-odds of a scan rank variants beside exact scores."""

from __future__ import annotations

from typing import Any

from tables import interval


def TABLE(found: Any) -> str:
    """How the log-odds of a scan rank variants beside exact scores."""
    names = {"all": "all", "common": "common SNPs", "random": "random substitutions"}
    lines = [
        "| SNVs | n | rank correlation with `llr` | with its part on the allele | lowest tenth shared |",
        "|---|---|---|---|---|",
    ]
    for name, title in names.items():
        row = found["agreement"][name]
        cells = [interval(row["spearman"], 3), interval(row["spearman_with_allele_part"], 3)]
        cells.append(interval(row["lowest_tenth_shared"], 2))
        lines.append(f"| {title} | {row['variants']:,} | {' | '.join(cells)} |")
    sizes, seconds = found["agreement"]["all"], found["cpu_seconds_per_variant"]
    lines += [
        "",
        f"GRCh37 chr20:20,000,001-end, {found['model']} model, width {found['width']:,} bp, both strands; 95 % "
        "intervals from 2,000 bootstrap draws of variants. Half of all |llr| are above "
        f"{sizes['median_size_of_llr']:.2f} nats, half of the parts downstream of the allele above "
        f"{sizes['median_size_of_flank']:.2f}. A substitution costs {1e3 * seconds['scan']:.2f} ms of processor "
        f"time in a scan and {1e3 * seconds['exact']:,.0f} ms scored exactly on its own, "
        f"{seconds['exact'] / seconds['scan']:,.0f} times as much. Script: `bench/scan_agreement.py`.",
    ]
    return "\n".join(lines) + "\n"
