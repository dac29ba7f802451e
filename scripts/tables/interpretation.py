"""Cheaper ways of saturation mutagenesis beside the exact one."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Agreement and time of each way."""
    lines = [
        "| way | rank correlation | of the part downstream | median difference, nats | seconds a place |",
        "|---|---|---|---|---|",
    ]
    for name, row in found["ways"].items():
        down = row["rank_correlation_downstream"]
        shown = "" if down is None else f"{down:.3f}"
        lines.append(
            f"| {name} | {row['rank_correlation']:.3f} | {shown} | {row['median_difference']:.3f} "
            f"| {row['seconds_a_place']:.1f} |"
        )
    ties = found["near_ties"]
    part = 1e6 * ties["near_ties"] / ties["choices"]
    return "\n".join(
        [
            *lines,
            "",
            f"{found['substitutions']:,} substitutions at {found['places']} random places of the test half of chr20, "
            f"window {found['width']:,} bp, slack {found['window_slack']:,} bp, {found['steps']} steps, shipped model. "
            f"Near-ties closer than {ties['tolerance']:g}: {part:,.0f} in a million choices. "
            "Script: `bench/interpretation.py`.",
            "",
        ]
    )
