"""Heads: what sits on hidden states and answers with labels, probabilities or tracks; one file each.

A head works in two steps. `summarise` turns the hidden states of one sequence into what the head needs of
them, and `decide` turns that into outputs. Where the first step has nothing to learn its result can be kept
on disk, and a head on a frozen model trains without running the model again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cistron.registry import Registry


@dataclass(frozen=True)
class Hidden:
    """Hidden states of a batch of sequences, right-padded.

    Attributes:
        states: Of the layers that a head was made for, side by side where there are several.
        lengths: Real tokens per row; all of them when None.
        sites: Per row, the half-open span of tokens that matters most, such as an allele; for heads that
            look at one.
    """

    states: Float[Tensor, "B L D"]
    lengths: Int[Tensor, "B"] | None = None
    sites: Int[Tensor, "B 2"] | None = None


class HeadConfig(Protocol):
    """The settings of a head, a frozen dataclass."""

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states it reads: that of the model times the number of layers."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The content of the head's `head.json`."""
        ...


class Head(Protocol):
    """A built head: an `nn.Module` with these methods."""

    @property
    def config(self) -> HeadConfig:
        """The settings it was built from."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether `summarise` has nothing to learn, so that what it returns can be kept."""
        ...

    def summarise(self, hidden: Hidden) -> Tensor:
        """What the head needs of one sequence: `(B, S)`, or `(B, L, S)` for heads that answer by token."""
        ...

    def decide(self, *summaries: Tensor, extra: Float[Tensor, "B F"] | None = None) -> Tensor:
        """Outputs from the summaries, one for each sequence of an item, and columns from elsewhere."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """Mean loss of outputs; targets that are NaN, or negative where they are classes, do not count."""
        ...

    def answer(self, outputs: Tensor) -> Tensor:
        """What a user reads: probabilities, values or signal, in float32 at least."""
        ...


@runtime_checkable
class Standardising(Protocol):
    """A head that brings what it reads to one scale, taken from the training set before the first step."""

    def standardise(self, *summaries: Float[Tensor, "N S"]) -> None:
        """Take the scale from the summaries of the training set, one for each sequence of an item."""
        ...


@runtime_checkable
class Turning(Protocol):
    """A head whose outputs may belong to single tokens, and so have a direction."""

    def forward_order(
        self, outputs: Tensor, reverse: Bool[Tensor, "B"], lengths: Int[Tensor, "B"] | None = None
    ) -> Tensor:
        """Outputs in the order of the items, where some were read on their other strand.

        Args:
            outputs: From `decide`.
            reverse: Rows that were read as reverse complements.
            lengths: Real tokens per row; all of them when None.
        """
        ...


@dataclass(frozen=True)
class HeadSpec:
    """What a head's file publishes as `HEAD`.

    Attributes:
        config: Makes a config from the content of a `head.json`.
        build: Makes the module from a config, with initialised weights.
        sequences: How many sequences make an item: 1, or 2 for reference and alternative.
        per: What an answer belongs to.
        source: Paper, repository or page that defines the head.
    """

    config: Callable[[Mapping[str, Any]], HeadConfig]
    build: Callable[[Any], nn.Module]
    sequences: Literal[1, 2]
    per: Literal["item", "token"]
    source: str


HEADS: Registry[HeadSpec] = Registry("cistron.heads", "HEAD", "head")
