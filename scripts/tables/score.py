"""Scoring speed beside transformers."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Scoring speed beside transformers."""
    machine = found["machine"]
    lines = ["| way | variants/s, median (quartiles) | Cistron is faster by |", "|---|---|---|"]
    for name, rate in found["variants_per_second"].items():
        ratio = found["ratio"].get(name)
        faster = f"{ratio['median']:.2f}×" if ratio else ""
        lines.append(f"| {name} | {rate['median']:.2f} ({rate['q25']:.2f} to {rate['q75']:.2f}) | {faster} |")
    lines.append("")
    lines.append(
        f"{found['what']}; window {found['width']:,} bp, the same weights, interleaved in one run on "
        f"{machine['threads']} threads ({machine['cpu']}). Attention is "
        f"{found['attention_share_of_full_pass']:.0%} of a full pass, so sharing the prefix alone can gain "
        f"at most {found['exact_limit_of_prefix_sharing']:.2f}×; measured {found['ratio_over_limit']:.2f}× that "
        f"limit against {found['better_baseline']}. Largest difference of a score: "
        f"{found['largest_score_difference_nats']:.1e} nats. Script: `bench/score.py`."
    )
    return "\n".join(lines) + "\n"
