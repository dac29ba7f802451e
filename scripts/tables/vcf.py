"""The VCF path without a model."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Speed and memory of the VCF path without a model."""
    memory = ", ".join(f"{float(mb):.0f} MB at {int(n):,}" for n, mb in found["peak_memory_mb"].items())
    return (
        f"Reading, annotating with a constant and writing `.vcf.gz` with its index: "
        f"{found['records_per_second']:,} records/s on one core (median of 3), peak memory {memory} records. "
        f"Script: `bench/vcf.py`.\n"
    )
