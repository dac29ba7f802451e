"""The answer from DNA alone: both sequences pooled, then a perceptron over all answers of training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cistron.heads import Hidden
from cistron.layers.pool import Pool, span_mean


@dataclass(frozen=True)
class PairClassifierConfig:
    """Sizes.

    Attributes:
        dna_size: Width of the states.
        labels: Answers, in the order of outputs.
        inner: Width of the hidden layer.
        dropout: Before the last layer.
    """

    dna_size: int
    labels: tuple[str, ...]
    inner: int = 256
    dropout: float = 0.1


class PairClassifier(nn.Module):
    """Attention-pooled reference and variant, and what the alleles' own bases changed, → logits.

    Source: the classifier of DNA alone in Genos' KEGG task: attention pooling of each sequence, both side by
        side, one hidden layer with ReLU. The difference at the allele and the norm are ours: averaged over a
        window, one base in a thousand is hard to see.
    """

    def __init__(self, config: PairClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.pool = Pool(config.dna_size, "attention")
        self.norm = nn.LayerNorm(config.dna_size)
        self.decide = nn.Sequential(
            nn.Linear(3 * config.dna_size, config.inner),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.inner, len(config.labels)),
        )

    def forward(self, reference: Hidden, variant: Hidden, *, zeroed: bool = False) -> Float[Tensor, "B C"]:
        """One logit for each answer."""
        (pooled, own), (variant_pooled, variant_own) = self._read(reference), self._read(variant)
        seen = torch.cat([pooled, variant_pooled, variant_own - own], dim=-1)
        out: Tensor = self.decide(torch.zeros_like(seen) if zeroed else seen)
        return out

    def _read(self, hidden: Hidden) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        if hidden.sites is None:
            raise ValueError("where the alleles differ is not given")
        states = self.norm(hidden.states)
        return self.pool(states, hidden.lengths), span_mean(states, hidden.sites)
