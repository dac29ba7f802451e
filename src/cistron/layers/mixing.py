"""Running tokens through their experts where no gradient is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from cistron.layers.grouped import place_rows, row_multiple

_TOKEN_BYTES: Final = 1 << 22
"""Tokens mixed together on a CPU: what their experts give should stay in the third-level cache."""

_ROWS: Final = 1024
"""Rows that go through an expert together on a CPU: what is between its products stays in the second."""


def mixed(
    x: Float[Tensor, "T D"],
    experts: Int[Tensor, "T k"],
    weights: Float[Tensor, "T k"],
    gate_up: Float[Tensor, "E 2I D"],
    down: Float[Tensor, "E D I"],
) -> Float[Tensor, "T D"]:
    """The sum over each token's experts of weight times the expert's SwiGLU.

    Args:
        x: Tokens; in their dtype the products are made, whatever that of the stacks.
        experts: The chosen ones of each token.
        weights: Theirs, in the dtype of `x`.
        gate_up: Stacked weights, gate first.
        down: Stacked weights.
    """
    gate_up, down = gate_up.to(x.dtype), down.to(x.dtype)
    if len(x) == 1 and x.device.type == "cpu":
        return _one_token(x, experts[0].tolist(), weights[0], gate_up, down)
    if _has_grouped_product(x):
        return by_grouped_product(x, experts, weights, gate_up, down)
    step = _tokens_together(x, experts, len(down))
    if len(x) <= step:
        return _Bench.of(x, experts, gate_up).mixed(x, experts, weights, gate_up, down)
    result = torch.empty_like(x)
    bench = _Bench.of(x[:step], experts[:step], gate_up)
    for start in range(0, len(x), step):
        some = slice(start, start + step)
        result[some] = bench.mixed(x[some], experts[some], weights[some], gate_up, down)
    return result


def _tokens_together(x: Float[Tensor, "T D"], experts: Int[Tensor, "T k"], num_experts: int) -> int:
    """Tokens to mix at once: what the cache holds, but enough that each expert gets about `_ROWS` rows.

    A product lays out its matrix anew each time, which only many rows make up for.
    """
    if x.device.type != "cpu":
        return len(x)
    cached = _TOKEN_BYTES // max(x.shape[1] * x.itemsize, 1)
    return max(cached, _ROWS * num_experts // experts.shape[1], 1)


def _one_token(
    x: Float[Tensor, "1 D"],
    experts: list[int],
    weights: Float[Tensor, "k"],
    gate_up: Float[Tensor, "E 2I D"],
    down: Float[Tensor, "E D I"],
) -> Float[Tensor, "1 D"]:
    """As `mixed`, for the next token of one sequence: putting rows in order would cost more than the rest."""
    outputs = []
    for expert in experts:
        gate, up = F.linear(x, gate_up[expert]).chunk(2, dim=-1)
        outputs.append(F.linear(F.silu(gate) * up, down[expert]))
    return weights.unsqueeze(0) @ torch.cat(outputs)


@dataclass(frozen=True)
class _Bench:
    """Memory that one expert after another uses, so that it is fetched and cleared once."""

    inputs: Float[Tensor, "S D"]
    inner: Float[Tensor, "S 2I"]
    active: Float[Tensor, "S I"]
    outputs: Float[Tensor, "R D"]

    @classmethod
    def of(cls, x: Tensor, experts: Tensor, gate_up: Tensor) -> _Bench:
        """Memory for as many tokens as `x` has."""
        rows = experts.numel() + len(gate_up) * (row_multiple(x) - 1)
        some = max(min(rows, _ROWS) if x.device.type == "cpu" else rows, 1)
        widths = x.shape[1], gate_up.shape[1], gate_up.shape[1] // 2
        inputs, inner, active = (x.new_empty(some, width) for width in widths)
        return cls(inputs, inner, active, x.new_empty(rows, x.shape[1]))

    def mixed(
        self, x: Tensor, experts: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor
    ) -> Float[Tensor, "T D"]:
        """As the function of that name, for no more tokens than there is memory for."""
        places = place_rows(experts, len(down), row_multiple(x))
        end = 0
        for size, its_gate_up, its_down in zip(places.sizes, gate_up.unbind(), down.unbind(), strict=True):
            begin, end = end, end + size
            for start in range(begin, end, len(self.inputs)):
                rows = slice(start, min(start + len(self.inputs), end))
                self._expert(x, places.tokens[rows], its_gate_up, its_down, self.outputs[rows])
        outputs = self.outputs[: len(places.tokens)]
        return F.embedding_bag(places.slots, outputs, mode="sum", per_sample_weights=weights)

    def _expert(self, x: Tensor, tokens: Tensor, gate_up: Tensor, down: Tensor, out: Tensor) -> None:
        """Write one expert's outputs for some tokens to `out`."""
        inputs, inner, active = (part[: len(tokens)] for part in (self.inputs, self.inner, self.active))
        torch.index_select(x, 0, tokens, out=inputs)
        torch.mm(inputs, gate_up.t(), out=inner)
        gate, up = inner.chunk(2, dim=-1)
        torch.ops.aten.silu.out(gate, out=active)
        torch.mm(active.mul_(up), down.t(), out=out)


def _has_grouped_product(x: Tensor) -> bool:
    """Whether torch multiplies all experts' rows in one kernel: on a GPU, in bfloat16.

    Elsewhere its grouped product is slower than one product after the other (`docs/design/forward-speed.md`).
    """
    if x.device.type != "cuda" or x.dtype != torch.bfloat16 or torch.version.hip is not None:
        return False
    # Rows of both matrices must begin at multiples of 16 bytes.
    return torch.cuda.get_device_capability(x.device) >= (8, 0) and x.shape[1] % 8 == 0


def by_grouped_product(
    x: Float[Tensor, "T D"],
    experts: Int[Tensor, "T k"],
    weights: Float[Tensor, "T k"],
    gate_up: Float[Tensor, "E 2I D"],
    down: Float[Tensor, "E D I"],
) -> Float[Tensor, "T D"]:
    """As `mixed`, all experts' rows in one product, and never waiting for the device."""
    flat = experts.flatten()
    order = flat.argsort(stable=True)
    ends = torch.bincount(flat, minlength=len(down)).cumsum(0).int()
    rows = x.index_select(0, order // experts.shape[1])
    gate, up = F.grouped_mm(rows, gate_up.transpose(1, 2), offs=ends).chunk(2, dim=-1)
    outputs = F.grouped_mm(F.silu(gate) * up, down.transpose(1, 2), offs=ends)
    slots = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    found = outputs.index_select(0, slots).view(*experts.shape, -1)
    return (found * weights.unsqueeze(-1)).sum(1)
