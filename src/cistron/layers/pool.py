"""From the states of a sequence to one vector, with a gradient; padding never counts."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Rule = Literal["mean", "max", "last", "attention"]
RULES: tuple[str, ...] = get_args(Rule)


class Pool(nn.Module):
    """Mean, maximum, last token, or a mean whose weights are learned.

    `attention` gives each token the softmax of one learned score, as the classifier of a sequence by Yang et
    al. 2016 (Hierarchical Attention Networks) does without its hidden layer. Sums are in float32 at least.
    """

    def __init__(self, size: int, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        self.score = nn.Linear(size, 1, bias=False) if rule == "attention" else None

    def forward(
        self, x: Float[Tensor, "B L D"], lengths: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B D"]:
        """One vector a row, from its first `lengths` tokens."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        real = real_tokens(x, lengths)[..., None]
        if self.rule == "max":
            return wide.masked_fill(~real, -torch.inf).amax(dim=1)
        if self.rule == "last":
            ends = real.sum(dim=1, keepdim=True) - 1
            return wide.gather(1, ends.expand(-1, 1, x.shape[-1])).squeeze(1)
        return (wide * self._weights(wide, real)).sum(dim=1)

    def _weights(self, wide: Float[Tensor, "B L D"], real: Bool[Tensor, "B L 1"]) -> Float[Tensor, "B L 1"]:
        if self.score is None:
            return real.to(wide.dtype) / real.sum(dim=1, keepdim=True)
        scores: Tensor = self.score(wide.to(self.score.weight.dtype)).to(wide.dtype)
        return scores.masked_fill(~real, -torch.inf).softmax(dim=1)


def real_tokens(x: Float[Tensor, "B L D"], lengths: Int[Tensor, "B"] | None) -> Bool[Tensor, "B L"]:
    """True where a token is not padding."""
    places = torch.arange(x.shape[1], device=x.device)
    if lengths is None:
        return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    return places < lengths.to(x.device)[:, None]


def span_mean(x: Float[Tensor, "B L D"], spans: Int[Tensor, "B 2"]) -> Float[Tensor, "B D"]:
    """The mean of the tokens of one half-open span a row; of the token before it where the span is empty."""
    starts, ends = spans.to(x.device).unbind(dim=1)
    starts = torch.where(ends > starts, starts, (starts - 1).clamp(min=0))
    ends = torch.maximum(ends, starts + 1)
    places = torch.arange(x.shape[1], device=x.device)
    inside = ((places >= starts[:, None]) & (places < ends[:, None]))[..., None]
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * inside).sum(dim=1) / (ends - starts)[:, None]


def scale_of(features: Float[Tensor, "N W"]) -> tuple[Float[Tensor, "W"], Float[Tensor, "W"]]:
    """Mean and standard deviation of each column, NaN left out; 0 and 1 where it says nothing."""
    wide = features.double()
    centre = wide.nanmean(dim=0)
    deviation = (wide - centre).square().nanmean(dim=0).sqrt()
    return centre.nan_to_num(), torch.where(deviation > 1e-6, deviation, 1.0)
