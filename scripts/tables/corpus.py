"""Speed of drawing training windows."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Tokens per second by window length and way."""
    rates = found["tokens_per_second"]
    ways = list(next(iter(rates.values())))
    lines = ["| million tokens per CPU second | " + " | ".join(ways) + " |", "|---" * (len(ways) + 1) + "|"]
    for length, row in rates.items():
        cells = [f"{row[way]['median'] / 1e6:.0f}" for way in ways]
        lines.append(f"| windows of {int(length):,} | {' | '.join(cells)} |")
    lines += [
        "",
        f"{found['what'][0].upper()}{found['what'][1:]}; the goal was {found['target_tokens_per_second'] / 1e6:.0f} "
        f"million. Packing a FASTA file: {found['build_bases_per_second'] / 1e6:.0f} million bases per CPU second. "
        "Script: `bench/corpus.py`.",
    ]
    return "\n".join(lines) + "\n"
