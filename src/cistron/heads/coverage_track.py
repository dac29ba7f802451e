"""Coverage at every base, by the head that Genos publishes: three convolutions on the last hidden states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cistron.errors import WeightsError
from cistron.heads import HeadSpec, Hidden
from cistron.layers.signal import LOSSES, Loss, squeeze, stretch, track_loss


@dataclass(frozen=True)
class CoverageTrackConfig:
    """Sizes, and the tracks that come out.

    Attributes:
        hidden_size: Width of the states it reads.
        tracks: Names of the tracks, in the order of the outputs.
        means: Mean of each track where it is not zero, which puts all on one scale.
        plus: Tracks of the plus strand: they are read from the sequence alone.
        minus: Tracks of the minus strand: they are read from the reverse complement alone.
        channels: Width of the two inner convolutions.
        dropout: Share of channels left out in training.
        loss: Between predicted and measured signal, on the squeezed scale.
    """

    hidden_size: int
    tracks: tuple[str, ...] = ("track",)
    means: tuple[float, ...] = (1.0,)
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    channels: tuple[int, int] = (256, 64)
    dropout: float = 0.1
    loss: Loss = "mse"

    def __post_init__(self) -> None:
        for name in ("tracks", "means", "plus", "minus", "channels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_tracks(self.tracks, self.means, self.plus, self.minus, self.loss)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> CoverageTrackConfig:
        """Read the content of a `head.json`; settings that are not its own are ignored."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_dict(self) -> dict[str, Any]:
        """The content of `head.json`."""
        return {"head": "coverage-track", **asdict(self)}


def check_tracks(
    tracks: tuple[str, ...],
    means: tuple[float, ...],
    plus: tuple[str, ...],
    minus: tuple[str, ...],
    loss: str,
) -> None:
    """Return silently when the tracks of a head make sense.

    Raises:
        WeightsError: They do not.
    """
    if not tracks or len(set(tracks)) < len(tracks):
        raise WeightsError("tracks must have names, each its own")
    if len(means) != len(tracks):
        raise WeightsError(f"{len(means)} means for {len(tracks)} tracks")
    if not all(mean > 0 for mean in means):
        raise WeightsError(f"means of tracks must be above zero; found {min(means)}")
    for strand, names in (("plus", plus), ("minus", minus)):
        if unknown := set(names) - set(tracks):
            raise WeightsError(f"'{min(unknown)}' is said to be of the {strand} strand and is no track")
    if both := set(plus) & set(minus):
        raise WeightsError(f"'{min(both)}' is said to be of either strand; leave it out of both")
    if loss not in LOSSES:
        raise WeightsError(f"loss is '{loss}'; known: {', '.join(LOSSES)}")


class TrackHead(nn.Module):
    """What heads for tracks share: outputs are squeezed signal `(B, T, L)`, answers are coverage."""

    means: Tensor

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("means", torch.tensor(config.means)[:, None], persistent=False)
        self.scale = nn.Parameter(torch.zeros(len(config.tracks), 1))

    @property
    def keeps(self) -> bool:
        """False: every token's states would have to be kept."""
        return False

    def summarise(self, hidden: Hidden) -> Float[Tensor, "B L D"]:
        """The states themselves.

        Raises:
            ValueError: Rows differ in length. A convolution would see the padding, so windows of one length
                run together.
        """
        if hidden.lengths is None:
            return hidden.states
        longest = int(hidden.lengths.max())
        if int(hidden.lengths.min()) < longest:
            raise ValueError(f"windows of {int(hidden.lengths.min())} and {longest} tokens in one batch")
        return hidden.states[:, :longest]

    def decide(
        self, *summaries: Float[Tensor, "B L D"], extra: Float[Tensor, "B F"] | None = None
    ) -> Float[Tensor, "B T L"]:
        """Squeezed signal of every track at every token."""
        raise NotImplementedError

    def heard(self, reverse: bool, strands: str) -> Bool[Tensor, "T"]:
        """Tracks that reading in one direction tells of.

        Args:
            reverse: Whether the reverse complement is read.
            strands: `both` when tracks without a strand are read in both directions.
        """
        silent = self.config.plus if reverse else self.config.minus
        told = [
            name not in silent and (not reverse or strands == "both" or name in self.config.minus)
            for name in self.config.tracks
        ]
        return torch.tensor(told, device=self.scale.device)

    def directions(self, strands: str) -> tuple[bool, ...]:
        """Directions that a sequence must be read in for all tracks: False is forward."""
        return tuple(reverse for reverse in (False, True) if self.heard(reverse, strands).any())

    def both_ways(
        self, outputs: Callable[[bool], Float[Tensor, "B T L"]], strands: str
    ) -> Float[Tensor, "B T L"]:
        """Outputs along the plus strand, each track's from the directions that tell of it, averaged.

        Args:
            outputs: Gives those of the sequences, or of their reverse complements in reading direction.
            strands: As for `heard`.
        """
        heard = {reverse: self.heard(reverse, strands)[:, None] for reverse in self.directions(strands)}
        found = [
            torch.where(told, outputs(reverse).flip(-1) if reverse else outputs(reverse), 0.0)
            for reverse, told in heard.items()
        ]
        return torch.stack(found).sum(0) / torch.stack(list(heard.values())).sum(0)

    def positive(self, x: Float[Tensor, "B T L"]) -> Float[Tensor, "B T L"]:
        """Signal that is never negative: softplus(x) · softplus(scale), one scale a track."""
        return F.softplus(x) * F.softplus(self.scale)

    def loss(self, outputs: Float[Tensor, "B T L"], targets: Float[Tensor, "B T L"]) -> Float[Tensor, ""]:
        """The loss against measured coverage, which is squeezed first; NaN positions do not count."""
        return track_loss(outputs, squeeze(targets, self.means), self.config.loss)

    def answer(self, outputs: Float[Tensor, "B T L"]) -> Float[Tensor, "B T L"]:
        """Coverage on the scale of the tracks."""
        wide = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        return stretch(wide, self.means.to(wide.dtype))


class CoverageTrack(TrackHead):
    """Convolutions of 3, 3 (dilated by 2) and 1 taps, batch norm and GELU on the first two."""

    def __init__(self, config: CoverageTrackConfig) -> None:
        super().__init__(config)
        first, second = config.channels
        self.conv1 = nn.Conv1d(config.hidden_size, first, 3, padding=1)
        self.norm1 = nn.BatchNorm1d(first)
        self.conv2 = nn.Conv1d(first, second, 3, padding=2, dilation=2)
        self.norm2 = nn.BatchNorm1d(second)
        self.conv3 = nn.Conv1d(second, len(config.tracks), 1)
        self.dropout = nn.Dropout(config.dropout)

    def decide(
        self, *summaries: Float[Tensor, "B L D"], extra: Float[Tensor, "B F"] | None = None
    ) -> Float[Tensor, "B T L"]:
        """Squeezed signal of every track at every token."""
        (states,) = summaries
        x = states.to(self.conv1.weight.dtype).transpose(1, 2)
        x = self.dropout(F.gelu(self.norm1(self.conv1(x))))
        x = self.dropout(F.gelu(self.norm2(self.conv2(x))))
        return self.positive(self.conv3(x))


HEAD = HeadSpec(
    config=CoverageTrackConfig.from_mapping,
    build=CoverageTrack,
    sequences=1,
    per="token",
    source="Genos' RNA-seq track head: 836,610 parameters on 1,024 channels with one track",
)
