"""Memory of fine-tuning by mode and model."""

from __future__ import annotations

from typing import Any

GIB = 2**30


def TABLE(found: Any) -> str:
    """Memory of fine-tuning by mode and model."""
    lines = ["| model | parameters | mode | trained | memory, measured | memory, planned |"]
    lines += ["|---|---:|---|---:|---:|---:|", *map(row, found["memory"])]
    lines += [
        "",
        f"Two steps of {found['rows']} sequences of {found['length']:,} bases in float32 unless said otherwise, "
        "with AdamW and a linear head on the mean of the last hidden states; weights are random. Measured is "
        f"the largest resident memory above that of the libraries, on {found['machine']['cpu']}; planned is the "
        "most that tensors hold at a time in a rehearsal without data. `--set together=N` takes N sequences at "
        "a time, which makes what activations hold so much smaller. Script: `bench/finetune.py`.",
    ]
    return "\n".join(lines) + "\n"


def row(case: Any) -> str:
    """One model in one mode."""
    kind = ", products in bfloat16" if case["autocast"] else ""
    measured = f"{case['measured_bytes'] / GIB:.2f} GiB" if "measured_bytes" in case else ""
    return (
        f"| {case['model']}{kind} | {millions(case['parameters'])} | {case['mode']} | "
        f"{millions(case['trained'])} | {measured} | {case['rehearsed_bytes'] / GIB:.2f} GiB |"
    )


def millions(count: int) -> str:
    """A number of parameters: thousands below a million, else millions."""
    return f"{count / 1e6:,.1f} M" if count >= 1e5 else f"{count:,}"
