"""Float32 scores beside float64 ones."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Float32 scores beside float64 ones."""
    rows = {
        "Cistron, float32 against float64": found["cistron"],
        "transformers eager, float32 against the same float64": found["transformers eager"],
        "Cistron, other order and batches": found["cistron_other_order_and_batches"],
        "Cistron, `--dtype bfloat16` against float32": found["cistron_bfloat16"],
    }
    lines = ["| scores | largest difference, nats | median | beyond 1e-4 |", "|---|---|---|---|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {row['largest']:.1e} | {row['median']:.1e} | {row['beyond_bound']} |")
    lines += ["", f"{found['variants']} common SNPs of chr20, window {found['width']:,} bp, shipped model."]
    lines.append(
        f"bfloat16: {found['cistron_bfloat16'].get('variants', found['variants']):,} variants, rank correlation "
        f"with float32 {found['cistron_bfloat16']['rank_correlation']:.4f}. "
        "Script: `bench/exactness.py`."
    )
    return "\n".join(lines) + "\n"
