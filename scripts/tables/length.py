"""Time and peak memory by length of the input."""

from __future__ import annotations

from typing import Any

GIB = 2**30


def TABLE(found: Any) -> str:
    """Time and peak memory by length of the input."""
    machine, cases = found["machine"], found["cases"]
    lines = ["| model | tokens | read by | processor time | peak memory |", "|---|---|---|---|---|"]
    lines += [row(case) for case in cases.values() if case["by"] != "error"]
    lines.append("")
    lines.append(
        f"One pass over GRCh37 chr20:30,000,001- in float32 unless said otherwise, on {machine['threads']} "
        f"thread of {machine['cpu']}; `network` is the shipped model without its n-gram memory, which "
        "transformers can read. Script: `bench/length.py`."
    )
    for case in cases.values():
        if case["by"] == "error" and "failed" not in case:
            lines += ["", error(case)]
    return "\n".join(lines) + "\n"


def row(case: Any) -> str:
    """One measurement."""
    cache = f", {case['cache_dtype']} cache" if case["cache_dtype"] else ""
    kind = "" if case["dtype"] == "float32" else f", {case['dtype']}"
    name = f"| {case['model']}{kind}{cache} | {case['tokens']:,} | {case['by']} |"
    if "failed" in case:
        return f"{name} {case['failed']} | |"
    return f"{name} {case['cpu_seconds']:,.0f} s | {case['peak_bytes'] / GIB:.2f} GiB |"


def error(case: Any) -> str:
    """How far answers from a smaller State are."""
    return (
        f"State in {case['cache_dtype']} against {case['dtype']}, {case['windows']} windows of "
        f"{case['tokens'] // case['windows']:,} bases of chr20: a token's log-probability differs by "
        f"{case['nats_per_token_mean']:.1e} nats on average, {case['nats_per_token_q999']:.1e} in one of a "
        f"thousand and {case['nats_per_token_max']:.2f} at most; the sum over a window by "
        f"{case['nats_per_window_mean']:.2f} on average and {case['nats_per_window_max']:.2f} at most."
    )
