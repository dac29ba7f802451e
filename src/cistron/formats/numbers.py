"""Numbers as text, the same in every text format."""

from __future__ import annotations


def format_float(value: float) -> str:
    """`value` with six significant digits, what VCF's 32-bit floats carry; a negative zero loses its sign."""
    return f"{value + 0.0:.6g}"
