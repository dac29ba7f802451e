"""Sparse mixture of SwiGLU experts with top-k routing."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cistron.layers.grouped import from_experts, grouped_linear, place_rows, row_multiple, to_experts
from cistron.layers.mixing import mixed
from cistron.layers.pieces import pays
from cistron.layers.residual import HALF


class Routing(NamedTuple):
    """Where each token goes.

    Attributes:
        experts: Chosen experts, best first.
        weights: Their weights, summing to 1.
        logits: Router logits in float32 (float64 in a float64 model).
    """

    experts: Int[Tensor, "T k"]
    weights: Float[Tensor, "T k"]
    logits: Float[Tensor, "T E"]


class RouterStatistics(NamedTuple):
    """What the training losses of one layer need, over the tokens that count.

    Attributes:
        expert_counts: Token-expert assignments per expert.
        router_probability: Mean softmax probability per expert.
        z_loss: Mean squared log-sum-exp of the router logits (Zoph et al. 2022, arXiv 2202.08906, eq. 5).
    """

    expert_counts: Float[Tensor, "E"]
    router_probability: Float[Tensor, "E"]
    z_loss: Float[Tensor, ""]


class Experts(nn.Module):
    """SwiGLU blocks, weights stacked: `gate_up_proj (E, 2I, D)`, gate first, and `down_proj (E, D, I)`."""

    def __init__(self, num_experts: int, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.empty(num_experts, 2 * intermediate_size, hidden_size))
        self.down_proj = nn.Parameter(torch.empty(num_experts, hidden_size, intermediate_size))
        self.mix = Mixture()

    def forward(self, x: Float[Tensor, "T D"], routing: Routing) -> Float[Tensor, "T D"]:
        """Weighted sum of the chosen experts' outputs, in the dtype of their products."""
        if x.dtype not in HALF and self.down_proj.dtype in HALF:
            x = x.to(self.down_proj.dtype)
        routing = routing._replace(weights=routing.weights.to(x.dtype))
        out: Tensor = self.mix(x, routing, self.gate_up_proj, self.down_proj)
        return out


class Mixture(nn.Module):
    """Weighted sum of the chosen experts' outputs; each expert sees its own tokens only, all at once.

    A module without parameters, so that what sends tokens to experts on other devices can stand around it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.activation = WeightedSwiGLU()

    def forward(
        self,
        x: Float[Tensor, "T D"],
        routing: Routing,
        gate_up: Float[Tensor, "E 2I D"],
        down: Float[Tensor, "E D I"],
    ) -> Float[Tensor, "T D"]:
        """Return the sum over each token's experts of weight times output."""
        if torch.is_grad_enabled():
            return self._with_gradients(x, routing, gate_up, down)
        return mixed(x, routing.experts, routing.weights, gate_up, down)

    def _with_gradients(self, x: Tensor, routing: Routing, gate_up: Tensor, down: Tensor) -> Tensor:
        """All experts' rows in one tensor, so that only the products are made expert by expert."""
        places = place_rows(routing.experts, len(down), row_multiple(x))
        weights = torch.zeros(len(places.tokens), dtype=routing.weights.dtype, device=x.device)
        weights = weights.index_put((places.slots.flatten(),), routing.weights.flatten())
        inner = grouped_linear(to_experts(x, places), gate_up.to(x.dtype), places.sizes)
        active: Tensor = self.activation(inner, weights)
        return from_experts(grouped_linear(active, down.to(x.dtype), places.sizes), places)


class WeightedSwiGLU(nn.Module):
    """SiLU of the first half, times the second half, times a weight per row.

    A module without parameters, so that it can be compiled alone.
    """

    def forward(self, inner: Float[Tensor, "R 2I"], weights: Float[Tensor, "R"]) -> Float[Tensor, "R I"]:
        """Return the weighted activation; 0 in rows of weight 0."""
        gate, up = inner.chunk(2, dim=-1)
        return F.silu(gate) * up * weights.unsqueeze(-1)


class Router(nn.Linear):
    """Scores every expert; in float32 even where the model runs in half precision, so that ties are rare."""

    def forward(self, x: Float[Tensor, "T D"]) -> Float[Tensor, "T E"]:
        """Return the logits, one per expert."""
        wide = x.float() if x.dtype in HALF else x
        weight = self.weight.to(wide.dtype)
        with torch.autocast(x.device.type, enabled=False):
            if pays(wide):
                # So few columns are made faster from a matrix that lies the other way.
                return wide @ weight.t().contiguous()
            return F.linear(wide, weight)


class SparseMoE(nn.Module):
    """Router and experts: softmax over all experts, the `top_k` best renormalised to sum to 1.

    Source: Jiang et al. 2024 (arXiv 2401.04088); equal to a softmax over the chosen logits.
    """

    def __init__(self, num_experts: int, top_k: int, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.top_k = top_k
        self.gate = Router(hidden_size, num_experts, bias=False)
        self.experts = Experts(num_experts, hidden_size, intermediate_size)

    def route(self, x: Float[Tensor, "T D"]) -> Routing:
        """Choose experts for each token."""
        logits = self.gate(x)
        best, experts = logits.topk(self.top_k, dim=-1)
        return Routing(experts, best.softmax(dim=-1), logits)

    def forward(
        self, x: Float[Tensor, "B L D"], valid: Bool[Tensor, "B L"] | None = None
    ) -> tuple[Float[Tensor, "B L D"], RouterStatistics | None]:
        """Return the block's output and, in training mode, the router statistics over `valid` tokens."""
        flat = x.reshape(-1, x.shape[-1])
        routing = self.route(flat)
        device = x.device.type
        if torch.is_autocast_enabled(device):
            # Once here rather than in every expert's product, and gathering half as many bytes.
            flat = flat.to(torch.get_autocast_dtype(device))
        out = self.experts(flat, routing)
        return out.to(x.dtype).view_as(x), router_statistics(routing, valid) if self.training else None


def router_statistics(routing: Routing, valid: Bool[Tensor, "B L"] | None) -> RouterStatistics:
    """Counts, mean probabilities and z-loss of one layer's routing."""
    experts, logits = routing.experts, routing.logits
    if valid is not None:
        keep = valid.flatten()
        experts, logits = experts[keep], logits[keep]
    counts = torch.bincount(experts.flatten(), minlength=logits.shape[1]).to(logits.dtype)
    return RouterStatistics(
        counts, logits.softmax(dim=-1).mean(dim=0), logits.logsumexp(dim=-1).square().mean()
    )
