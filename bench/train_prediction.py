"""Time that the matrix products and the attention of a training step take on their own.

Every product of forward and backward is timed alone at its shape, in the arithmetic the step uses; so is
PyTorch's attention kernel, forward and backward. Their sum is what a step would take if all else were free.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F

from cistron.models.genos import GenosConfig

_SECONDS = 0.01
"""A kernel is repeated for at least this long."""


class Product(NamedTuple):
    """`rows` vectors of `inside` numbers through a linear layer to `outside` numbers."""

    rows: int
    inside: int
    outside: int
    dtype: torch.dtype

    @property
    def flops(self) -> float:
        """Operations of forward and both gradients."""
        return 6.0 * self.rows * self.inside * self.outside


class Kernel(NamedTuple):
    """Something to time, and how often a step runs it."""

    name: str
    run: Callable[[], object]
    times: int
    flops: float


def products(config: GenosConfig, tokens: int, dtype: torch.dtype) -> Counter[Product]:
    """The linear layers of a step; experts get equally many tokens, the router runs in float32."""
    hidden, inner = config.hidden_size, config.intermediate_size
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    rows = tokens * config.num_experts_per_tok // config.num_local_experts
    layer = Counter(
        [
            Product(tokens, hidden, queries, dtype),
            Product(tokens, hidden, keys, dtype),
            Product(tokens, hidden, keys, dtype),
            Product(tokens, queries, hidden, dtype),
            Product(tokens, hidden, config.num_local_experts, torch.float32),
            *[Product(rows, hidden, 2 * inner, dtype)] * config.num_local_experts,
            *[Product(rows, inner, hidden, dtype)] * config.num_local_experts,
        ]
    )
    step = Counter({product: count * config.num_hidden_layers for product, count in layer.items()})
    step[Product(tokens, hidden, config.vocab_size, dtype)] += 1
    return step


def kernels(
    config: GenosConfig, rows: int, length: int, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> list[Kernel]:
    """All that is timed for a step of `rows` windows of `length` tokens."""
    found = [
        kernel
        for product, count in products(config, rows * length, dtype).items()
        for kernel in _product_kernels(product, count, device)
    ]
    return [*found, *_attention_kernels(config, rows, length, dtype, device)]


def _product_kernels(product: Product, count: int, device: torch.device | str) -> list[Kernel]:
    x = torch.randn(product.rows, product.inside, device=device).to(product.dtype)
    y = torch.randn(product.rows, product.outside, device=device).to(product.dtype)
    weight = torch.randn(product.outside, product.inside, device=device).to(product.dtype)
    ways = {
        "forward": lambda: x @ weight.t(),
        "to inputs": lambda: y @ weight,
        "to weights": lambda: y.t() @ x,
    }
    sizes = f"{product.rows} x {product.inside} -> {product.outside}, {product.dtype}"
    return [Kernel(f"product {sizes}: {way}", run, count, product.flops / 3) for way, run in ways.items()]


def _attention_kernels(
    config: GenosConfig, rows: int, length: int, dtype: torch.dtype, device: torch.device | str
) -> list[Kernel]:
    def heads(number: int) -> torch.Tensor:
        shape = rows, number, length, config.head_dim
        return torch.randn(shape, device=device).to(dtype).requires_grad_()

    query = heads(config.num_attention_heads)
    inputs = query, heads(config.num_key_value_heads), heads(config.num_key_value_heads)

    def forward() -> torch.Tensor:
        return F.scaled_dot_product_attention(*inputs, is_causal=True, enable_gqa=True)

    out = forward()
    gradient = torch.randn_like(out)

    def backward() -> object:
        return torch.autograd.grad(out, inputs, gradient, retain_graph=True)

    flops = 2.0 * rows * config.num_attention_heads * length**2 * config.head_dim
    layers = config.num_hidden_layers
    return [
        Kernel("attention: forward", forward, layers, flops),
        Kernel("attention: backward", backward, layers, 2.5 * flops),
    ]


def seconds(kernel: Kernel, clock: Callable[[], float]) -> float:
    """Time of one run of a kernel, from as many as it takes to be measurable."""
    repeats, start = 0, time.perf_counter()
    begun = clock()
    while time.perf_counter() - start < _SECONDS or not repeats:
        kernel.run()
        repeats += 1
    return (clock() - begun) / repeats
