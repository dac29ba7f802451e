"""Large element-wise work cut into pieces that stay in a processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

_PIECE: Final = 1 << 18
"""Numbers in a piece: a megabyte in float32, half of a usual second-level cache."""

_LEAST: Final = 1 << 13
"""Below as many numbers each call costs more than the work, so the fewest calls are fastest."""


def pays(x: Tensor) -> bool:
    """Whether to work through `x` piece by piece: on a CPU, where no gradient or compiler wants the whole.

    A chain of simple operations over more than the cache waits for memory in every one of them, and for
    the operating system to clear the pages of every result.
    """
    eager = not torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return eager and x.device.type == "cpu" and type(x) is Tensor and x.numel() >= _LEAST


def pieces(rows: int, width: int) -> Iterator[slice]:
    """Slices that cut `rows` rows of `width` numbers into pieces."""
    step = max(_PIECE // max(width, 1), 1)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
