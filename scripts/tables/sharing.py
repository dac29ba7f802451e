"""Scoring speed beside transformers."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Scoring speed beside transformers."""
    ways = list(next(iter(found["cases"].values()))["alleles_per_second"])
    lines = [f"| alleles a second, median | {' | '.join(ways)} | faster by | exact limit | of the limit |"]
    lines.append("|---" * (len(ways) + 4) + "|")
    for case in found["cases"].values():
        rates = " | ".join(f"{case['alleles_per_second'][way]['median']:.2f}" for way in ways)
        ratio = case["ratio"][case["better_baseline"]]
        faster = f"{ratio['median']:.2f}× ({ratio['q25']:.2f} to {ratio['q75']:.2f})"
        lines.append(
            f"| {case['what']} | {rates} | {faster} | {case['exact_limit']:.2f}× | {case['ratio_over_limit']:.2f}× |"
        )
    machine, clock = (
        found["machine"],
        "processor seconds" if found["clock"] == "cpu" else "seconds on the wall",
    )
    alleles = sum(case["alleles"] for case in found["cases"].values())
    lines += ["", f"{found['what']}; window {found['width']:,} bp, {alleles:,} alleles."]
    lines.append(
        "Same weights and windows, interleaved in one run; faster than the better of transformers' two whole passes per "
        f"allele. Attention is {found['attention_share_of_full_pass']:.0%} of a pass. {machine['threads']} threads of "
        f"{machine['cpu']}, {clock}. Script: `bench/score.py`."
    )
    profile = found["profile"]
    parts = (
        f"{kind} {profile['share'][kind]:.0%} at {profile['gflops_in_the_pass'][kind]:.0f} GF/s "
        f"(alone {profile['gflops_alone'][kind]:.0f})"
        for kind in profile["share"]
    )
    lines += ["", f"Time of {profile['what']}: {', '.join(parts)}; the rest is element by element."]
    return "\n".join(lines) + "\n"
