"""Tensors that no cast of their model may narrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

_HALF = (torch.bfloat16, torch.float16)


class AtLeastFloat32(nn.Module):
    """A module some of whose tensors stay float32 when the model becomes bfloat16 or float16.

    A pole of a long filter or a rotary frequency enters an exponent that grows with the position: rounding it
    to eight bits is rounding the position.

    Attributes:
        kept: Names of those tensors.
    """

    kept: ClassVar[tuple[str, ...]] = ()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # Every move to another device or dtype comes through here, with the tensor itself as the argument.
        own = [getattr(self, name) for name in self.kept]
        known = {id(part) for tensor in own for part in (tensor, tensor.grad)}

        def widened(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            if id(tensor) in known and moved.dtype in _HALF:
                return tensor.to(moved.device, torch.float32)
            return moved

        return super()._apply(widened, recurse)  # type: ignore[no-untyped-call, no-any-return]
