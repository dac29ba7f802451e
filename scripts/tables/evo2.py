"""StripedHyena 2: rate and memory by length, and the long filter in blocks beside the filter written down."""

from __future__ import annotations

from typing import Any

RATE, MEMORY = "tokens per second", "memory above the model, MiB"


def TABLE(found: Any) -> str:
    """Forward passes by length, then the long filter both ways."""
    lines = ["| model | tokens | tokens/s | memory above the built model |", "|---|---|---|---|"]
    for name, lengths in found["forward"].items():
        lines += [_row(name, length, case) for length, case in lengths.items()]
    lines += ["", "| long filter, 1,024 channels | in blocks | written down, by FFT |", "|---|---|---|"]
    for length, ways in found["long filter, 1,024 channels, float32"].items():
        cells = [
            f"{ways[way][RATE]['median']:,.0f} tokens/s, {ways[way][MEMORY]['median']:,.0f} MiB"
            for way in ("blocked", "direct")
        ]
        lines.append(f"| {int(length):,} tokens | {' | '.join(cells)} |")
    machine, decoding = found["machine"], found["decoding, small"][RATE]
    lines += [
        "",
        f"One sequence, read in chunks as the verbs do, on {machine['threads']} thread of {machine['cpu']} (load "
        f"{machine['load_average']} when it ended); random weights, float32, the 7B block bfloat16; "
        f"{_rounds(found['rounds'])}. One token at a time behind 2,048: {decoding['median']:,.0f} tokens/s. Script: "
        "`bench/evo2.py`.",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, length: str, case: Any) -> str:
    rate, memory = case[RATE], case[MEMORY]
    return f"| {name} | {int(length):,} | {rate['median']:,.0f} | {memory['median']:,.0f} MiB |"


def _rounds(count: int) -> str:
    return "one measurement each" if count == 1 else f"medians of {count}"
