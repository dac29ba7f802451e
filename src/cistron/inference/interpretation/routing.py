"""Which experts fire where? Choices of every router, counted by class of base, without changing a model.

A token's experts are chosen when its own base has been read, so a base's choices belong to the base and to
what lies before it in reading direction. Works for any model that holds `cistron.layers.moe.SparseMoE`
blocks. See `docs/design/interpretation.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import Bool, Int, Int64
from torch import Tensor

from cistron.genome import Interval, Reference, Strand
from cistron.genome.sequence import ACGT, reverse_complement
from cistron.genome.splits import parse_region
from cistron.inference.interpretation.router_watch import NEAR_TIE, Choice, moe_layers, watched_routers
from cistron.inference.interpretation.routing_counts import EVERY, BlockCounts, RoutingCounts
from cistron.inference.planning.budget import Budget
from cistron.inference.score import Strands, checked_width
from cistron.layers.moe import SparseMoE
from cistron.models import Model
from cistron.tokenizers import Tokenizer

MOST_BLOCKS: Final = 1000
"""Blocks that counts are kept for."""

Classes = Callable[[Interval], Mapping[str, Bool[np.ndarray, "L"]]]
"""From an interval to class → flags of its bases; always the same classes."""


class RouteOptions(TypedDict, total=False):
    """Keyword arguments of `route`."""

    width: int | None
    strands: Strands
    tolerance: float
    batch_tokens: int | Budget


def route(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    region: str | Interval,
    classes: Classes = lambda stretch: {},
    *,
    width: int | None = None,
    strands: Strands = "both",
    tolerance: float = NEAR_TIE,
    batch_tokens: int | Budget = 16_384,
) -> RoutingCounts:
    """Count the experts that the bases of a region are sent to, by class and by the base that was read.

    Every base has at least half a window of context before it where the contig has that many. Bases other
    than A, C, G and T are left out.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode, with `SparseMoE` blocks.
        tokenizer: The model's.
        reference: The genome.
        region: What to look at; a text is `CHROM:START-END`, 1-based, both ends included.
        classes: What the bases of an interval are.
        width: Window in bp; the model's recommended width when None.
        strands: `both` adds up the two reading directions.
        tolerance: Gap of logits below which a choice counts as a near-tie.
        batch_tokens: Most tokens run together, halved when memory runs out.

    Raises:
        InputError: The model has no routers.
        WindowError: `width` exceeds the model's context.
    """
    region = parse_region(region, reference.contigs) if isinstance(region, str) else region
    names = tuple(classes(Interval(region.chrom, region.start, region.start)))
    half, budget = checked_width(model, width) // 2, Budget.of(batch_tokens)
    counted = partial(route_block, model, tokenizer, reference, half=half, strands=strands)
    blocks = (
        budget.run(lambda size, block=block: counted(block, classes, tolerance=tolerance, batch_tokens=size))
        for block in blocks_of(region, half)
    )
    return gathered(model, names, blocks, tolerance)


def gathered(
    model: Model, classes: Sequence[str], blocks: Iterable[BlockCounts], tolerance: float
) -> RoutingCounts:
    """The counts of consecutive blocks as one answer; `classes` are those of `route_block`, in its order."""
    layers = moe_layers(model)
    top_k = tuple(layer.top_k for layer in layers.values())
    chosen, composition, near_ties = (np.stack(part) for part in zip(*blocks, strict=True))
    names = (EVERY, *ACGT, *classes)
    return RoutingCounts(tuple(layers), top_k, names, chosen, composition, near_ties, tolerance)


def blocks_of(region: Interval, half: int) -> list[Interval]:
    """The region cut into what is counted together and drawn together by the bootstrap.

    Blocks are a few half windows long; longer in regions that would have more than `MOST_BLOCKS`, so that
    memory does not grow with the region, and shorter in those that would have fewer than 50.
    """
    windows = -(-len(region) // half)
    size = half * max(1, min(8, windows // 50), -(-windows // MOST_BLOCKS))
    return [
        Interval(region.chrom, start, min(start + size, region.end))
        for start in range(region.start, region.end, size)
    ]


def route_block(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    block: Interval,
    classes: Classes,
    *,
    half: int,
    strands: Strands = "both",
    tolerance: float = NEAR_TIE,
    batch_tokens: int = 16_384,
) -> BlockCounts:
    """Count one block of `blocks_of`; `half` is half a window, in bp. See `route` for the rest."""
    directions: tuple[Strand, ...] = ("+", "-") if strands == "both" else ("+",)
    stretches = (
        _Stretch.read(reference, Interval(block.chrom, start, min(start + half, block.end), strand), half)
        for start in range(block.start, block.end, half)
        for strand in directions
    )
    layers = moe_layers(model)
    tally = _Tally(layers)
    with watched_routers(model) as seen, torch.inference_mode():
        while batch := list(islice(stretches, max(1, batch_tokens // (2 * half)))):
            length = _forward(model, tokenizer, batch)
            for row, stretch in enumerate(batch):
                tokens = slice(row * length + stretch.before, row * length + len(stretch.text))
                tally.add(_flags(stretch, classes(stretch.place)), seen, tokens, tolerance)
    return tally.counts()


class _Stretch(NamedTuple):
    """Bases to count, and those to read before them.

    Attributes:
        place: What to count, and in which direction it is read.
        text: Everything to read, in reading direction.
        before: How many of it come before what is counted.
    """

    place: Interval
    text: str
    before: int

    @classmethod
    def read(cls, reference: Reference, place: Interval, context: int) -> _Stretch:
        if place.strand == "+":
            first = max(0, place.start - context)
            text = reference.fetch(place.chrom, first, place.end)
            return cls(place, text, place.start - first)
        last = min(place.end + context, reference.contigs[place.chrom])
        text = reference.fetch(place.chrom, place.start, last)
        return cls(place, reverse_complement(text), last - place.end)


def _forward(model: Model, tokenizer: Tokenizer, batch: Sequence[_Stretch]) -> int:
    """Read all texts in one pass, filled up on the right, where no causal model looks; returns its length."""
    length = max(len(stretch.text) for stretch in batch)
    ids = np.full((len(batch), length), tokenizer.pad_id, dtype=np.int64)
    for row, stretch in zip(ids, batch, strict=True):
        row[: len(stretch.text)] = tokenizer.encode(stretch.text)
    model(torch.from_numpy(ids).to(model.empty_state(1).lengths.device), logits=False)
    return length


class _Tally:
    """Adds up the choices of a block."""

    def __init__(self, layers: Mapping[str, SparseMoE]) -> None:
        self._experts = {name: layer.gate.out_features for name, layer in layers.items()}
        self._counts: BlockCounts | None = None

    def add(
        self,
        flags: Bool[np.ndarray, "L classes"],
        seen: Mapping[str, Choice],
        tokens: slice,
        tolerance: float,
    ) -> None:
        """Count bases of these classes, whose choices stand at `tokens` of what the routers decided."""
        most = max(self._experts.values())
        chosen = np.stack([_counted(seen[name].experts[tokens], flags, most) for name in self._experts])
        close = [(seen[name].gap[tokens] < tolerance).cpu().numpy() & flags[:, 0] for name in self._experts]
        composition = flags.T.astype(np.int64) @ flags[:, 1 : 1 + len(ACGT)]
        found = BlockCounts(chosen, composition, np.array([int(part.sum()) for part in close]))
        before = self._counts
        self._counts = found if before is None else BlockCounts(*map(np.add, before, found))

    def counts(self) -> BlockCounts:
        """Everything so far."""
        assert self._counts is not None, "a block holds at least one base"
        return self._counts


def _flags(stretch: _Stretch, classes: Mapping[str, Bool[np.ndarray, "L"]]) -> Bool[np.ndarray, "L classes"]:
    """Whether each base, in reading direction, is of each class: all, the base that is read, those given."""
    letters = np.frombuffer(stretch.text[stretch.before :].encode("ascii"), dtype=np.uint8)
    read = letters[:, None] == np.frombuffer(ACGT.encode("ascii"), dtype=np.uint8)
    known = read.any(axis=1, keepdims=True)
    step = 1 if stretch.place.strand == "+" else -1
    given = [known & part[::step, None] for part in classes.values()]
    return np.concatenate([known, read, *given], axis=1)


def _counted(
    experts: Int[Tensor, "L k"], flags: Bool[np.ndarray, "L classes"], number: int
) -> Int64[np.ndarray, "E classes"]:
    """How often the tokens of each class chose each expert."""
    chosen = np.zeros((len(flags), number), dtype=np.int64)
    np.put_along_axis(chosen, experts.cpu().numpy(), 1, axis=1)
    counted: Int64[np.ndarray, "E classes"] = chosen.T @ flags.astype(np.int64)
    return counted
