"""Generation speed beside transformers."""

from __future__ import annotations

from typing import Any

WAYS = ("cistron", "transformers default", "transformers eager", "cistron with memory")


def TABLE(found: Any) -> str:
    """Bases a second, one and sixteen sequences at a time."""
    machine, cases = found["machine"], found["cases"]
    lines = ["| sequences at a time | " + " | ".join(WAYS) + " |", "|---|" + "---|" * len(WAYS)]
    for case, ways in cases.items():
        lines.append(f"| {case} | " + " | ".join(cell(ways[way], way) for way in WAYS) + " |")
    threads = f"{machine['threads']} thread{'s' if machine['threads'] > 1 else ''}"
    lines.append("")
    lines.append(
        f"Bases a second of processor time, {found['what']}; in brackets how many times faster the first column is. "
        "`cistron with memory` is the shipped model, the others the network beside its memory, which transformers "
        f"can read. Interleaved in one run on {threads} ({machine['cpu']}). "
        "Script: `bench/generate.py`."
    )
    return "\n".join(lines) + "\n"


def cell(way: Any, name: str) -> str:
    """A rate, and for transformers the ratio."""
    rate = f"{way['processor']['median']:,.0f}"
    faster = way["cistron_is_faster_by"]["median"]
    return f"{rate} ({faster:.2f}×)" if name.startswith("transformers") else rate
