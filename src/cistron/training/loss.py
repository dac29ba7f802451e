"""The pretraining objective: next base, balanced experts, small router logits."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

IGNORED = -100


class Loss(NamedTuple):
    """Parts of the objective, each a scalar.

    Attributes:
        total: What is minimised.
        cross_entropy: Nats per scored base.
        balance: Load-balancing loss, 1 when experts are used evenly, summed over layers.
        z: Router z-loss, summed over layers.
    """

    total: Float[Tensor, ""]
    cross_entropy: Float[Tensor, ""]
    balance: Float[Tensor, ""]
    z: Float[Tensor, ""]


def next_base_labels(input_ids: Int[Tensor, "B L"], unscored: frozenset[int]) -> Int[Tensor, "B L"]:
    """The token after each position; `IGNORED` behind the last one and where it is N."""
    labels = F.pad(input_ids[:, 1:], (0, 1), value=IGNORED)
    for token in unscored:
        labels = labels.masked_fill(labels == token, IGNORED)
    return labels


def pretraining_loss(
    logits: Float[Tensor, "B L V"],
    labels: Int[Tensor, "B L"],
    aux: dict[str, Tensor],
    *,
    balance_weight: float,
    z_weight: float,
) -> Loss:
    """Mean next-base cross-entropy plus weighted router losses; the latter are 0 for a model without routers.

    Source: load balancing as in Fedus et al. 2021 (arXiv 2101.03961, eq. 4) generalised to top-k, per layer
    as Megatron does it: E · Σ_e (share of assignments of e) · (mean probability of e).
    """
    entropy = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    if not aux:
        return Loss(entropy, entropy, entropy.new_zeros(()), entropy.new_zeros(()))
    counts, probability = aux["expert_counts"], aux["router_probability"]
    share = counts / counts.sum(dim=1, keepdim=True)
    balance = (counts.shape[1] * (share * probability).sum(dim=1)).sum()
    z = aux["z_loss"].sum()
    return Loss(entropy + balance_weight * balance + z_weight * z, entropy, balance, z)
