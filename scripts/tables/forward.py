"""A forward pass beside transformers."""

from __future__ import annotations

from typing import Any

WAYS = ("transformers default", "transformers eager")


def TABLE(found: Any) -> str:
    """Rates and ratios by model, arithmetic and batch."""
    lines = [
        "| model | arithmetic | batch | tokens/s | beside transformers' default | beside its `eager` experts |",
        "|---|---|---|---|---|---|",
    ]
    for model, kinds in found["models"].items():
        for dtype, shapes in kinds.items():
            for shape, case in shapes.items():
                rate = case["tokens_per_second"]["cistron"]["median"]
                ratios = " | ".join(f"{case['ratio'][way]:.2f}×" for way in WAYS)
                lines.append(f"| {model} | {dtype} | {shape.replace('x', '×')} | {rate:,.0f} | {ratios} |")
    machine, start = found["machine"], found["start"]["wall_seconds"]
    lines += ["", f"Same weights, interleaved in one run, medians of {rounds(found)} rounds on"]
    lines[-1] += (
        f" {machine['threads']} threads of {machine['cpu']} (load {machine['load_average']} when it ended)."
    )
    lines[-1] += f" From import to a first score of the shipped model: {start['median']:.1f} s"
    lines[-1] += f" ({start['q25']:.1f} to {start['q75']:.1f}). Script: `bench/forward.py`."
    return "\n".join(lines) + "\n"


def rounds(found: Any) -> int:
    """How often each way ran."""
    kinds = next(iter(found["models"].values()))
    case = next(iter(next(iter(kinds.values())).values()))
    return int(case["tokens_per_second"]["cistron"]["rounds"])
