"""What each decision about the shipped model is worth."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Validation loss of short runs that differ in one thing."""
    first = found["rows"][0]["validation_nats_per_base"]
    lines = ["| variant | nats per base | beside the first | weights, MB |", "|---|---|---|---|"]
    for row in found["rows"]:
        nats = row["validation_nats_per_base"]
        beside = f"{nats - first:+.4f}".replace("-", "−")
        lines.append(f"| {row['variant']} | {nats:.4f} | {beside} | {row['megabytes']:.1f} |")
    steps, bases = found["steps"], found["rows"][0]["bases"]
    lines += [
        "",
        f"{steps} steps ({bases / 1e6:.1f} million bases) each, one seed, the same windows, a schedule of its own; "
        "chr20:1-20,000,000. Script: `bench/ablation.py`.",
    ]
    return "\n".join(lines) + "\n"
