"""The pretraining objective: next base, balanced experts, small router logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

IGNORED = -100


class Loss(NamedTuple):
    """Parts of the objective, each a scalar and each this rank's share: their sum over ranks is meant.

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
    scored: Int[Tensor, ""] | None = None,
    total: Callable[[Tensor], Tensor] | None = None,
    ranks: int = 1,
) -> Loss:
    """This rank's share of the objective: the shares of all ranks add up to the loss of one process.

    Mean next-base cross-entropy plus weighted router losses; the latter are 0 for a model without routers.
    The gradients of the shares add up too, because expert counts, the only factor that ranks must share
    before they multiply, carry no gradient. All ranks must hold equally many tokens.

    Args:
        logits: Scores of the next token.
        labels: The next token, or `IGNORED`.
        aux: Router statistics of a model in training mode; see `cistron.models.Output`.
        balance_weight: Weight of the load-balancing loss.
        z_weight: Weight of the router z-loss.
        scored: Labels on all ranks (of all parts of the step) that are not `IGNORED`; those of `labels`
            when None.
        total: Sums a tensor over all ranks; None where there is one.
        ranks: Ranks, or parts of a step, that the batch is divided among.

    Source: load balancing as in Fedus et al. 2021 (arXiv 2101.03961, eq. 4) generalised to top-k, per layer
    as Megatron does it: E · Σ_e (share of assignments of e) · (mean probability of e).
    """
    entropy = _cross_entropy(logits, labels, scored)
    if not aux:
        return Loss(entropy, entropy, entropy.new_zeros(()), entropy.new_zeros(()))
    counts, probability = aux["expert_counts"], aux["router_probability"]
    if total is not None:
        counts = total(counts)
    share = counts / counts.sum(dim=1, keepdim=True)
    balance = (counts.shape[1] * (share * probability).sum(dim=1)).sum() / ranks
    z = aux["z_loss"].sum() / ranks
    return Loss(entropy + balance_weight * balance + z_weight * z, entropy, balance, z)


def _cross_entropy(
    logits: Float[Tensor, "B L V"], labels: Int[Tensor, "B L"], scored: Int[Tensor, ""] | None
) -> Float[Tensor, ""]:
    """Summed cross-entropy divided by `scored`, in float32 or wider; 0 where nothing is scored."""
    wide = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    summed = F.cross_entropy(wide.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    if scored is None:
        scored = (labels != IGNORED).sum()
    return summed / scored.clamp(min=1)
