"""Qwen3-8B with a DNA model, as published."""

from __future__ import annotations

from cistron.fusion.recipes._published import published
from cistron.fusion.run import FusionRun


def qwen3() -> FusionRun:
    """The published settings; see `_published`."""
    return published("Qwen/Qwen3-8B")


RECIPE = qwen3
