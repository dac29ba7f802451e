"""Which published Evo 2 models answer as they were trained to, in which arithmetic.

Some were trained with eight-bit input projections and depend on that rounding; the largest even on the way in
which Hopper GPUs sum eight-bit products.

Source: losses at 8,192 bases and BRCA1 AUROC published with NVIDIA's BioNeMo recipes for Evo 2, and the
support matrix of the package `evo2` 0.6.0.
"""

from __future__ import annotations

from typing import Final

NEEDS_EMULATION: Final = frozenset({"evo2-1b-base"})
"""Sizes that eight-bit rounding with exact sums brings back."""

_NEEDS_HOPPER: Final = frozenset({"evo2-20b", "evo2-40b-base", "evo2-40b"})


def trust(size: str | None, fp8: str) -> str | None:
    """Why answers of a model of this size are not to be relied on; None where they are, or nothing is known.

    Args:
        size: A named size; None for any other model.
        fp8: `emulate` when eight-bit rounding is emulated.
    """
    if size in _NEEDS_HOPPER:
        return (
            f"{size} depends on how Hopper GPUs sum eight-bit products, which nothing else does: in other "
            "arithmetic 40B had a loss of 1.70 to 1.79 instead of 0.92 and a BRCA1 AUROC of 0.5 instead of "
            "0.87. Do not use its answers; take evo2-7b, or a checkpoint fine-tuned for bfloat16"
        )
    if size in NEEDS_EMULATION and fp8 != "emulate":
        return (
            f"{size} was trained with eight-bit input projections: without them its loss was 1.24 instead of "
            "1.08. Convert it again with --fp8 emulate, or take evo2-7b-base"
        )
    if size in NEEDS_EMULATION:
        return (
            f"{size} runs with emulated eight-bit rounding and exact sums, which had a loss of 1.085 instead "
            "of 1.077 on a GPU; the emulation itself has not been compared with published values"
        )
    return None
