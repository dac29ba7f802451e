"""A linear layer that computes with eight-bit floating-point numbers, emulated on any device.

Some published models were trained with their input projections in E4M3 (four bits of exponent, three of
mantissa) under constant scales that the checkpoint holds, and are much worse without that rounding.

Source: Micikevicius et al. 2022 (arXiv 2209.05433) for the format; delayed scaling as in NVIDIA's Transformer
Engine, where inputs and weights are multiplied by their scales, saturated, rounded, multiplied, and the
product is divided by both scales. Products are summed in float32, which is what differs from the sums of
fewer bits that Hopper GPUs take.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cistron.layers.precision import AtLeastFloat32

E4M3_MAX = 448.0
"""Largest number of the format, at which larger ones saturate."""


class Fp8Linear(AtLeastFloat32):
    """A linear layer without bias, whose inputs and weights are rounded to E4M3.

    Attributes:
        emulate: Set to False for an ordinary linear layer, to see what the rounding does.
    """

    kept: ClassVar[tuple[str, ...]] = ("input_scale", "weight_scale")
    input_scale: Tensor
    weight_scale: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.register_buffer("input_scale", torch.ones(()))
        self.register_buffer("weight_scale", torch.ones(()))
        self.emulate = True

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B E"]:
        """Return the product, in the dtype of `x`."""
        if not self.emulate:
            return F.linear(x, self.weight)
        rounded = round_e4m3(x, self.input_scale), round_e4m3(self.weight, self.weight_scale)
        return (F.linear(*rounded) / (self.input_scale * self.weight_scale)).to(x.dtype)


def round_e4m3(x: Float[Tensor, "*B"], scale: Float[Tensor, ""]) -> Float[Tensor, "*B"]:
    """`x · scale` saturated at ±448 and rounded to the nearest E4M3 number, as float32."""
    scaled = (x.float() * scale.float()).clamp(-E4M3_MAX, E4M3_MAX)
    return scaled.to(torch.float8_e4m3fn).float()
