"""Rows grouped by expert: where they stand, how they get there and back, and products group by group."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable


class Places(NamedTuple):
    """Rows of token-expert assignments in one tensor, expert after expert.

    Attributes:
        slots: Row of each token's each expert.
        tokens: Token of each row; 0 for spare rows, to which no slot points.
        sizes: Rows of each expert, spare ones included; their sum may be less than R.
    """

    slots: Int[Tensor, "T k"]
    tokens: Int[Tensor, "R"]
    sizes: list[int]


def place_rows(experts: Int[Tensor, "T k"], num_experts: int, multiple: int) -> Places:
    """Sort assignments by expert; every expert's number of rows is filled up to a multiple of `multiple`.

    R depends on T, k and the number of experts alone, so that what is compiled for it serves every batch.
    """
    flat = experts.flatten()
    order = flat.argsort(stable=True)
    counts = torch.bincount(flat, minlength=num_experts)
    sizes = (counts + (multiple - 1)) // multiple * multiple
    spare_before = (sizes - counts).cumsum(0) - (sizes - counts)
    rows = torch.arange(len(flat), device=flat.device) + spare_before[flat[order]]
    slots = torch.empty_like(flat).scatter_(0, order, rows).view_as(experts)
    tokens = flat.new_zeros((len(flat) + num_experts * (multiple - 1)) // multiple * multiple)
    tokens[rows] = order // experts.shape[1]
    return Places(slots, tokens, sizes.tolist())


def row_multiple(x: Tensor) -> int:
    """Rows of an expert's product are filled up to a multiple of this, with rows of weight 0.

    On a CPU, half-precision products are compiled for every new number of rows, which costs more than they
    do; so few different numbers may occur. Float32 products have no such cost.
    """
    return 64 if x.device.type == "cpu" and x.dtype in (torch.bfloat16, torch.float16) else 1


def to_experts(x: Float[Tensor, "T D"], places: Places) -> Float[Tensor, "R D"]:
    """Each token's vector in all of its slots."""
    return cast(Tensor, _ToSlots.apply(x, places.slots, places.tokens))  # type: ignore[no-untyped-call]


def from_experts(rows: Float[Tensor, "R D"], places: Places) -> Float[Tensor, "T D"]:
    """Sum of each token's slots."""
    return cast(Tensor, _FromSlots.apply(rows, places.slots, places.tokens))  # type: ignore[no-untyped-call]


def grouped_linear(
    rows: Float[Tensor, "R I"], stack: Float[Tensor, "E O I"], sizes: list[int]
) -> Float[Tensor, "R O"]:
    """Each expert's rows times its own matrix; 0 behind the rows of the last expert."""
    return cast(Tensor, _GroupedLinear.apply(rows, stack, sizes))  # type: ignore[no-untyped-call]


class _ToSlots(torch.autograd.Function):
    """Each way is the other's gradient, so neither ever adds into scattered rows, which is slow."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slots: Tensor, tokens: Tensor) -> Tensor:
        ctx.save_for_backward(slots, tokens)
        return x.index_select(0, tokens)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _FromSlots.apply(grad, *ctx.saved_tensors), None, None  # type: ignore[no-untyped-call]


class _FromSlots(torch.autograd.Function):
    """The gradient also reaches spare rows, as if they were token 0's; whoever made them multiplies by 0."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, slots: Tensor, tokens: Tensor) -> Tensor:
        ctx.save_for_backward(slots, tokens)
        return F.embedding_bag(slots, rows, mode="sum")

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _ToSlots.apply(grad, *ctx.saved_tensors), None, None  # type: ignore[no-untyped-call]


class _GroupedLinear(torch.autograd.Function):
    """Products write straight into their part of the result, and so do those of the gradients."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, stack: Tensor, sizes: list[int]) -> Tensor:
        ctx.save_for_backward(rows, stack)
        ctx.sizes = sizes
        return _products(rows, stack.transpose(1, 2), sizes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        rows, stack = ctx.saved_tensors
        to_rows = _products(grad, stack, ctx.sizes) if ctx.needs_input_grad[0] else None
        to_stack = _outer_products(grad, rows, stack, ctx.sizes) if ctx.needs_input_grad[1] else None
        return to_rows, to_stack, None


def _products(rows: Tensor, matrices: Tensor, sizes: list[int]) -> Tensor:
    total = sum(sizes)
    result = rows.new_empty(len(rows), matrices.shape[2])
    result[total:] = 0
    ours, outs = torch.split(rows[:total], sizes), torch.split(result[:total], sizes)
    for some, matrix, out in zip(ours, matrices.unbind(), outs, strict=True):
        torch.mm(some, matrix, out=out)
    return result


def _outer_products(grad: Tensor, rows: Tensor, stack: Tensor, sizes: list[int]) -> Tensor:
    total = sum(sizes)
    result = torch.empty_like(stack)
    grads, ours = torch.split(grad[:total], sizes), torch.split(rows[:total], sizes)
    for some_grad, some, out in zip(grads, ours, result.unbind(), strict=True):
        torch.mm(some_grad.t(), some, out=out)
    return result
