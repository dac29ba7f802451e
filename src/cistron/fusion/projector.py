"""Hidden states of a DNA model → positions of a text."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.errors import InputError
from cistron.fusion.run import KINDS, ProjectorSettings
from cistron.heads import Hidden
from cistron.layers.pool import real_tokens, span_mean
from cistron.registry import unknown

_DISTANCES = 16
"""Wavelengths by which the resampler knows how far a base is from the allele."""


@dataclass(frozen=True)
class ProjectorConfig:
    """A projector's sizes.

    Attributes:
        settings: Its kind.
        dna_size: Width of the states.
        text_size: Width of the language model's embeddings.
        scale: Root mean square of these embeddings; `mlp` and `resampler` begin with outputs like them.
    """

    settings: ProjectorSettings
    dna_size: int
    text_size: int
    scale: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Projector(nn.Module):
    """States of one sequence → positions, the same weights for reference and variant.

    Attributes:
        ends: What stands for the marks before and after the DNA, which the language model has no embedding
            for.
    """

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        kind = config.settings.kind
        if kind not in KINDS:
            raise InputError(unknown("kind of projector", kind, KINDS))
        self.config = config
        self.ends = nn.Parameter(torch.randn(2, config.text_size) * config.scale)
        # As published the linear layer is all there is: no norm, no scale.
        self.norm = nn.Identity() if kind == "linear" else nn.LayerNorm(config.dna_size)
        self.marker = nn.Parameter(torch.zeros(config.dna_size)) if config.settings.marker else None
        self.body = _BODIES[kind](config)

    def positions(self, length: int) -> int:
        """Positions that a sequence of `length` tokens takes."""
        settings = self.config.settings
        return settings.positions if settings.kind == "resampler" else length

    def forward(self, hidden: Hidden) -> Float[Tensor, "B P H"]:
        """Positions of a batch; those behind a row's own number are nobody's."""
        states = self.norm(hidden.states)
        if self.marker is not None:
            states = states + _inside(hidden)[..., None] * self.marker
        out: Tensor = self.body(states, hidden)
        return out


class _Linear(nn.Module):
    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.out = nn.Linear(config.dna_size, config.text_size)

    def forward(self, states: Float[Tensor, "B L D"], hidden: Hidden) -> Float[Tensor, "B L H"]:
        projected: Tensor = self.out(states)
        return projected


class _Mlp(nn.Module):
    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        inner = config.settings.inner
        self.layers = nn.Sequential(
            nn.Linear(config.dna_size, inner), nn.GELU(), nn.Linear(inner, config.text_size)
        )
        self.out = _Scaled(config)

    def forward(self, states: Float[Tensor, "B L D"], hidden: Hidden) -> Float[Tensor, "B L H"]:
        scaled: Tensor = self.out(self.layers(states))
        return scaled


class _Resampler(nn.Module):
    """Learned queries, which know the allele's own states, look at all bases, which know how far away it is.

    Without the allele in the queries they find one base among a thousand only after very many steps.

    Source: Jaegle et al. 2021, Perceiver (arXiv 2103.03206); as the bridge between frozen models, Alayrac et
        al. 2022, Flamingo (arXiv 2204.14198), section 3.1.
    """

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        settings = config.settings
        inner = settings.inner
        self.queries = nn.Parameter(torch.randn(settings.positions, inner) * inner**-0.5)
        self.own = nn.Linear(config.dna_size, inner)
        self.into = nn.Linear(config.dna_size + 2 * _DISTANCES, inner)
        self.layers = nn.ModuleList(_Look(inner, settings.heads) for _ in range(settings.depth))
        self.last = nn.Linear(inner, config.text_size)
        self.out = _Scaled(config)

    def forward(self, states: Float[Tensor, "B L D"], hidden: Hidden) -> Float[Tensor, "B P H"]:
        seen = self.into(torch.cat([states, _distances(hidden).to(states.dtype)], dim=-1))
        padding = ~real_tokens(states, hidden.lengths)
        assert hidden.sites is not None, "a resampler looks from the allele"
        found = self.queries + self.own(span_mean(states, hidden.sites))[:, None]
        for layer in self.layers:
            found = layer(found, seen, padding)
        scaled: Tensor = self.out(self.last(found))
        return scaled


class _Look(nn.Module):
    """Attention of the queries to the bases and a perceptron, each behind a norm and added."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(size, heads, batch_first=True)
        self.inner, self.outer = nn.Linear(size, 2 * size), nn.Linear(2 * size, size)

    def forward(
        self, queries: Float[Tensor, "B P D"], seen: Float[Tensor, "B L D"], padding: Tensor
    ) -> Float[Tensor, "B P D"]:
        looked, _ = self.attention(
            self.before(queries), seen, seen, key_padding_mask=padding, need_weights=False
        )
        queries = queries + looked
        out: Tensor = queries + self.outer(F.gelu(self.inner(self.between(queries))))
        return out


class _Scaled(nn.Module):
    """Outputs of a learned root mean square, that of text embeddings at first."""

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((config.text_size,), config.scale))

    def forward(self, x: Float[Tensor, "B P H"]) -> Float[Tensor, "B P H"]:
        return F.rms_norm(x, x.shape[-1:]) * self.scale


_BODIES = {"linear": _Linear, "mlp": _Mlp, "resampler": _Resampler}


def _sites(hidden: Hidden) -> tuple[Int[Tensor, "B 1"], Int[Tensor, "B 1"], Int[Tensor, "L"]]:
    """First base that differs, one past the last (at least one base is meant), and all places."""
    if hidden.sites is None:
        raise ValueError("where the alleles differ is not given")
    start, end = hidden.sites.to(hidden.states.device).unbind(dim=1)
    places = torch.arange(hidden.states.shape[1], device=hidden.states.device)
    return start[:, None], torch.maximum(end, start + 1)[:, None], places


def _inside(hidden: Hidden) -> Float[Tensor, "B L"]:
    start, end, places = _sites(hidden)
    return ((places >= start) & (places < end)).to(hidden.states.dtype)


def _distances(hidden: Hidden) -> Float[Tensor, "B L F"]:
    """Sine and cosine of the signed distance to the allele, at wavelengths from 4 to 4,096 bases."""
    start, end, places = _sites(hidden)
    distance = torch.where(places < start, places - start, (places - end + 1).clamp(min=0)).float()
    waves = 4.0 * 2.0 ** torch.linspace(0, 10, _DISTANCES, device=distance.device)
    angles = distance[..., None] * (2 * math.pi / waves)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
