"""Coverage at every base by a U-Net on the last hidden states, which sees some hundreds of bases around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cistron.heads import HeadSpec
from cistron.heads.coverage_track import TrackHead, check_tracks
from cistron.layers.signal import Loss


@dataclass(frozen=True)
class CoverageUnetConfig:
    """Sizes, and the tracks that come out; `CoverageTrackConfig` says what the names mean.

    Attributes:
        inner_size: Channels inside.
        levels: How often the resolution is halved.
        dilations: Of the convolutions at the lowest resolution.
    """

    hidden_size: int
    tracks: tuple[str, ...] = ("track",)
    means: tuple[float, ...] = (1.0,)
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    inner_size: int = 128
    levels: int = 4
    dilations: tuple[int, ...] = (2, 4)
    dropout: float = 0.1
    loss: Loss = "poisson-multinomial"

    def __post_init__(self) -> None:
        for name in ("tracks", "means", "plus", "minus", "dilations"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_tracks(self.tracks, self.means, self.plus, self.minus, self.loss)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> CoverageUnetConfig:
        """Read the content of a `head.json`; settings that are not its own are ignored."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_dict(self) -> dict[str, Any]:
        """The content of `head.json`."""
        return {"head": "coverage-unet", **asdict(self)}


class _Convolution(nn.Module):
    """A residual convolution; each position has its own norm, so none depends on one far away."""

    def __init__(self, size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.conv = nn.Conv1d(size, size, 5, padding=2 * dilation, dilation=dilation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C L"]) -> Float[Tensor, "B C L"]:
        normed = F.gelu(self.norm(x.transpose(1, 2))).transpose(1, 2)
        moved: Tensor = self.dropout(self.conv(normed))
        return x + moved


class CoverageUnet(TrackHead):
    """Down and up again with a skip at every resolution.

    Source: the form of the track head in Genos' successor project (one projection, four levels, dilated
    bottleneck), with residual convolutions of five taps.
    """

    def __init__(self, config: CoverageUnetConfig) -> None:
        super().__init__(config)
        size, levels = config.inner_size, config.levels

        def convolutions(count: int) -> nn.ModuleList:
            return nn.ModuleList(_Convolution(size, 1, config.dropout) for _ in range(count))

        self.project = nn.Conv1d(config.hidden_size, size, 1)
        self.down = convolutions(levels)
        self.bottom = nn.ModuleList(_Convolution(size, step, config.dropout) for step in config.dilations)
        self.join = nn.ModuleList(nn.Conv1d(2 * size, size, 1) for _ in range(levels))
        self.up = convolutions(levels)
        self.out = nn.Conv1d(size, len(config.tracks), 1)

    def decide(
        self, *summaries: Float[Tensor, "B L D"], extra: Float[Tensor, "B F"] | None = None
    ) -> Float[Tensor, "B T L"]:
        """Squeezed signal of every track at every token."""
        (states,) = summaries
        length = states.shape[1]
        x = states.to(self.out.weight.dtype).transpose(1, 2)
        x = F.pad(self.project(x), (0, -length % 2**self.config.levels))
        skips = []
        for convolve in self.down:
            x = convolve(x)
            skips.append(x)
            x = F.max_pool1d(x, 2)
        for convolve in self.bottom:
            x = convolve(x)
        for join, convolve, skip in zip(self.join, self.up, reversed(skips), strict=True):
            x = convolve(join(torch.cat([F.interpolate(x, scale_factor=2.0), skip], dim=1)))
        return self.positive(self.out(F.gelu(x)))[..., :length]


HEAD = HeadSpec(
    config=CoverageUnetConfig.from_mapping,
    build=CoverageUnet,
    sequences=1,
    per="token",
    source="a U-Net as in Ronneberger et al. 2015, in one dimension, on hidden states",
)
