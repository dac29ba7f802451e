"""What would every substitution cost at first sight? One pass per strand over any stretch of a genome.

For every position and base *b*, with *P* the model's probability given the bases upstream,

    log_odds(b) = log P(b) − log P(reference base)

in nats, mean over the strands: the minus strand reads from the other side and is complemented. This is the
part of a variant's `llr` that falls on the allele itself (tier 1); what the allele does to the bases behind
it takes a pass of its own for every allele, which is `cistron score`. See `docs/design/scan.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import NamedTuple, TypedDict

import numpy as np
from jaxtyping import Float

from cistron.errors import OutOfBoundsError
from cistron.genome import Interval, Reference
from cistron.genome.alleles import fetch_wrapped
from cistron.genome.contigs import contig_length, is_rcrs
from cistron.genome.dna import require_dna
from cistron.genome.tiling import Tile, Tiling, in_shards
from cistron.inference.next_base import SHARD_TOKENS, Block, Strands, base_codes, picked, predict_blocks
from cistron.inference.planning.budget import Budget
from cistron.inference.score import checked_width
from cistron.models import Model
from cistron.tokenizers import Tokenizer


class Scanned(NamedTuple):
    """What the model expects along a stretch of a contig, on the plus strand; NaN where there is no base.

    Attributes:
        chrom: Contig name.
        start: First position, 0-based.
        bases: The reference.
        log_p: Natural-log probability of A, C, G and T given the context, mean over the strands read.
        entropy: Of the four bases, renormalised, in nats: 0 to ln 4 = 1.386; mean over the strands read.
    """

    chrom: str
    start: int
    bases: str
    log_p: Float[np.ndarray, "L 4"]
    entropy: Float[np.ndarray, "L"]

    @property
    def end(self) -> int:
        """One past the last position, 0-based."""
        return self.start + len(self.bases)

    @property
    def ref_log_p(self) -> Float[np.ndarray, "L"]:
        """Log-probability of the reference base."""
        return picked(self.log_p, base_codes(self.bases))

    @property
    def log_odds(self) -> Float[np.ndarray, "L 4"]:
        """Of A, C, G and T: log P(base) − log P(reference base); 0 for the reference base itself."""
        odds: Float[np.ndarray, "L 4"] = self.log_p - self.ref_log_p[:, None]
        return odds

    @property
    def mean_log_odds(self) -> Float[np.ndarray, "L"]:
        """Mean log-odds of the three substitutions; negative where the reference base fits best."""
        mean: Float[np.ndarray, "L"] = self.log_odds.sum(axis=1) / 3
        return mean


class ScanOptions(TypedDict, total=False):
    """Keyword arguments of `scan`."""

    width: int | None
    strands: Strands
    circular: Collection[str]
    batch_tokens: int | Budget


class Piece(NamedTuple):
    """A tile of a contig."""

    chrom: str
    tile: Tile


def scan(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    intervals: Iterable[Interval] | None = None,
    *,
    width: int | None = None,
    strands: Strands = "both",
    circular: Collection[str] = (),
    batch_tokens: int | Budget = 16_384,
) -> Iterator[Scanned]:
    """Yield what the model expects along the intervals, block by block, in order.

    Every base is read with at least `width // 2` bases before it on either strand, except near the ends of a
    linear contig. Windows lie on a grid of the contig, so the answer does not depend on which stretch of it
    was asked for, nor on the batch.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        reference: The genome.
        intervals: Stretches in the reference's own contig names, in the order of the answers; whole contigs
            in the reference's order when None. Their strand does not matter.
        width: Window in bp; None for what the model recommends.
        strands: Mean of both, or the plus strand alone.
        circular: Contigs to read across their ends; a human mitochondrion always is.
        batch_tokens: Most tokens in one batch, halved when memory runs out.

    Raises:
        WindowError: `width` exceeds the model's context.
        UnknownContigError: An interval lies on a contig that the reference has not.
        OutOfBoundsError: An interval reaches beyond its contig.
    """
    width, budget = checked_width(model, width), Budget.of(batch_tokens)
    read = partial(scan_shard, model, tokenizer, reference, strands=strands)
    pieces = scan_pieces(reference, intervals, width, circular)
    for shard in scan_shards(pieces, strands, budget.started):
        yield from budget.run(lambda size, shard=shard: read(shard, batch_tokens=size))


def scan_pieces(
    reference: Reference,
    intervals: Iterable[Interval] | None,
    width: int,
    circular: Collection[str] = (),
) -> Iterator[Piece]:
    """The blocks that `scan` goes through, in order; arguments are those of `scan`."""
    tiling = Tiling.of_width(width)
    if intervals is None:
        intervals = (Interval(chrom, 0, length) for chrom, length in reference.contigs.items())
    for interval in intervals:
        chrom, length = interval.chrom, contig_length(reference, interval.chrom)
        if not 0 <= interval.start <= interval.end <= length:
            raise OutOfBoundsError(
                f"{chrom}:{interval.start + 1:,}-{interval.end:,} is not in {reference.name},"
                f" where {chrom} has {length:,} bp"
            )
        ring = chrom in circular or is_rcrs(chrom, length)
        for tile in tiling.tiles_of(interval.start, interval.end, length, circular=ring):
            yield Piece(chrom, tile)


def scan_shards(pieces: Iterable[Piece], strands: Strands, batch_tokens: int) -> Iterator[list[Piece]]:
    """Pieces that are read together: the same ones whenever a run is repeated."""
    readings = 2 if strands == "both" else 1
    yield from in_shards(pieces, lambda piece: piece.tile.tokens(readings), max(SHARD_TOKENS, batch_tokens))


def scan_shard(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    shard: list[Piece],
    *,
    strands: Strands,
    batch_tokens: int,
) -> list[Scanned]:
    """What the model expects along the pieces of one shard, in order."""
    blocks = [_block(reference, piece) for piece in shard]
    found = predict_blocks(model, tokenizer, blocks, strands=strands, batch_tokens=batch_tokens)
    return [
        Scanned(piece.chrom, piece.tile.start, block.text[block.start : block.stop], *prediction)
        for piece, block, prediction in zip(shard, blocks, found, strict=True)
    ]


def _block(reference: Reference, piece: Piece) -> Block:
    chrom, tile = piece
    # Three pieces, because both contexts of a circular contig may hold the same bases.
    before = fetch_wrapped(reference, chrom, tile.left, tile.start)
    bases = reference.fetch(chrom, tile.start, tile.end)
    require_dna(bases, f"{reference.name} contig {chrom}", tile.start)
    behind = fetch_wrapped(reference, chrom, tile.end, tile.right)
    return Block(before + bases + behind, len(before), len(before) + len(bases))
