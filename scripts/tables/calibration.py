"""How evenly percentiles of random changes are spread."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Per cent of changes at or below each percentile."""
    groups = found["groups"]
    levels = list(next(iter(groups.values()))["at_or_below"])
    lines = [
        f"| changes | n | {' | '.join(f'≤ {level}' for level in levels)} | largest distance |",
        "|---|---|" + "---|" * (len(levels) + 1),
    ]
    for name, group in groups.items():
        shares = " | ".join(f"{share:.1f}" for share in group["at_or_below"].values())
        lines.append(f"| {name} | {group['n']:,} | {shares} | {group['largest_distance']:.1f} |")
    lines += [
        "",
        f"Per cent of {found['what']} at or below a percentile; calibrated is as many per cent as the percentile "
        f"says. The table has {found['rounds_of_the_table']} random changes of each kind. Script: "
        "`bench/calibration.py`.",
    ]
    return "\n".join(lines) + "\n"
