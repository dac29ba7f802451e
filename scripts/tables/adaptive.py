"""Scores that do not read every base behind the allele, beside exact ones."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Scores that do not read every base behind the allele, beside exact ones."""
    lines = []
    for case in found["cases"].values():
        lines += [f"{_upper(case['what'])}:", ""]
        lines += [
            "| `--suffix` | times exact | largest error, nats | 99 % below | median | rank correlation | estimate held |"
        ]
        lines += ["|---|---|---|---|---|---|---|"]
        for rule, row in case["rules"].items():
            lines.append(
                f"| {rule} | {row['times_exact']:.2f} | {row['largest_error']:.3f} | {row['q99_error']:.3f} | "
                f"{row['median_error']:.4f} | {row['rank_correlation']:.6f} | {row['estimate_held']:.1%} |"
            )
        lines += ["", *(worst(rule, case["rules"][rule]) for rule in ("auto", "256")), ""]
    lines.append(
        f"{found['variants']:,} alleles each, window {found['width']:,} bp, shipped model, {found['clock']} clock, "
        f"{found['machine']['threads']} thread(s). Script: `bench/adaptive.py`."
    )
    return "\n".join(lines) + "\n"


def worst(rule: str, row: Any) -> str:
    """The variants that a rule gets most wrong."""
    told = (
        f"{one['variant']} ({one['found']:.3f} instead of {one['exact']:.3f})" for one in row["worst"][:3]
    )
    return f"Furthest off under `{rule}`: {', '.join(told)}."


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
