"""How fast a run is: floating-point operations of a step, and the most a device can do."""

from __future__ import annotations

import functools
import time
from typing import Any

import torch
from torch import nn

from cistron.layers.moe import SparseMoE

PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H20": 148e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}
"""Dense bfloat16 multiply-adds with float32 sums, in operations a second, by part of the device's name.

Source: NVIDIA's data sheets, without sparsity.
"""

_SIDES = {"cpu": 1024, "cuda": 8192}
"""Of the matrices that are multiplied: large enough to reach the peak."""

_SECONDS = 0.2


def flops_per_token(model: nn.Module, config: Any, length: int) -> float:
    """Operations that training on one token takes, forward and backward, in windows of `length` tokens.

    Six for each weight that a token meets (a multiply and an add, forward and for both gradients), where of
    the experts only the chosen ones count and tables that are looked up do not; and causal attention.
    Activations that are computed twice count once.

    Source: Chowdhery et al. 2022 (arXiv 2204.02311, appendix B), with half of the attention matrix.
    """
    shared = sum(parameter.numel() for parameter in model.parameters() if parameter.dim() > 1)
    for module in model.modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            shared -= module.weight.numel()
        elif isinstance(module, SparseMoE):
            idle = 1 - module.top_k / len(module.gate.weight)
            shared -= round(idle * sum(weight.numel() for weight in module.experts.parameters()))
    layers = getattr(config, "num_hidden_layers", 0)
    heads, width = getattr(config, "num_attention_heads", 0), getattr(config, "head_dim", 0)
    return 6.0 * shared + 6.0 * layers * heads * width * length


@functools.cache
def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second that the device can do at most: from its data sheet, else measured on matrices."""
    if device.type == "cuda" and dtype is torch.bfloat16:
        name = torch.cuda.get_device_name(device)
        for part, peak in PEAKS.items():
            if part in name:
                return peak
    return _measured(device, dtype)


def _measured(device: torch.device, dtype: torch.dtype) -> float:
    """The best of many products of square matrices."""
    side = _SIDES.get(device.type, 4096)
    left = torch.ones(side, side, device=device, dtype=dtype)
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        left @ left
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
