"""Counts of words of k + 1 bases, both strands together, in a few bits each.

A word and its reverse complement share one entry: words have an odd number of bases, so the one whose middle
base is A or C stands for both, and no word is its own reverse complement. Counts are kept as *levels*, exact
where they are small and spaced by a constant factor where they are not.

Short words have an entry each (`DirectCounts`); of long ones only those seen often enough are kept, in a
hash table of small buckets (`HashedCounts`).

Source: hashed n-gram memory beside a transformer, Cheng et al. 2026, "Conditional Memory via Scalable Lookup"
(Engram); for genomes the Gengram variant of Genos. Those learn an embedding per word; here the words are
counted, which one pass over little data does better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from numpy.typing import NDArray
from torch import Tensor, nn

_LEVELS = {
    4: (0, 1, 2, 3, 4, 5, 6, 8, 11, 15, 22, 36, 70, 160, 600, 4000),
    8: (*range(16), *(round(16 * 1.06**step) for step in range(240))),
}
"""Bits → the count that each level stands for."""


_MARKED = sum(1 << (16 * slot + 4) for slot in range(4))
"""A mark times this stands in all four slots of a bucket."""


_WORDS_AT_ONCE = 1 << 27
"""Long words sorted at a time: a gigabyte of them."""


_EVERY_OTHER = {by: (2**64 - 1) // (2**by + 1) for by in (2, 4, 8, 16, 32)}
"""Mask of every other group of so many bits, the lowest one included."""


class Contexts(NamedTuple):
    """What stands before some positions, as numbers in base 4 of so many bases.

    Attributes:
        forward: Oldest base first, the highest digit.
        backward: The same bases read on the other strand.
        order: Number of bases.
    """

    forward: Int[Tensor, "*B"]
    backward: Int[Tensor, "*B"]
    order: int

    @classmethod
    def of(cls, words: Int[Tensor, "*B"], order: int) -> Contexts:
        """The contexts whose bases are the last `order` digits of `words`; what stands before is ignored."""
        return cls(words & (4**order - 1), _reverse_complement(words, order), order)

    def shortened(self, order: int) -> Contexts:
        """The newest bases alone."""
        return Contexts(self.forward & (4**order - 1), self.backward >> 2 * (self.order - order), order)


class CountTable(Protocol):
    """Counts of the four continuations of a context of `order` bases."""

    order: int

    def __call__(
        self, contexts: Contexts, leave_out: Int[Tensor, "*B"] | None = None
    ) -> Float[Tensor, "4 *B"]:
        """How often A, C, G and T followed each context, to the precision of the levels.

        Args:
            contexts: Of the table's order.
            leave_out: The base (0 to 3) whose occurrence behind the context is not to be counted, −1 for
                none: what a table fitted without that one occurrence would say. Only after `fit`.
        """
        ...

    def fit(self, words: Callable[[], Iterable[NDArray[np.int64]]]) -> None:
        """Count words of `order` + 1 bases; `words()` reads them from the start, a block at a time."""
        ...


class DirectCounts(nn.Module):
    """A table with an entry for every word.

    Args:
        order: Even, so that words have a middle base; 4^(order + 1) / 2 entries.
        bits: Of an entry, 4 or 8.
    """

    entries: UInt8[Tensor, "bytes"]
    exact: Int[Tensor, "words"] | None

    def __init__(self, order: int, bits: int) -> None:
        super().__init__()
        self.order, self.bits = order, bits
        words = 4 ** (order + 1) // 2
        self.register_buffer("entries", torch.zeros(words * bits // 8, dtype=torch.uint8))
        self.register_buffer("exact", None, persistent=False)

    def forward(
        self, contexts: Contexts, leave_out: Int[Tensor, "*B"] | None = None
    ) -> Float[Tensor, "4 *B"]:
        """See `CountTable`."""
        index = places(contexts)
        if leave_out is None:
            return values(self._levels(index), self.bits)
        assert self.exact is not None, "leave_out needs the exact counts of a fit"
        counts = self.exact[index] - _one_hot(leave_out)
        return values(levels(counts, self.bits), self.bits)

    def _levels(self, index: Int[Tensor, "*B"]) -> Int[Tensor, "*B"]:
        if self.bits == 8:
            return _looked_up(self.entries, index)
        pair = _looked_up(self.entries, index >> 1)
        return torch.where(index & 1 == 0, pair & 15, pair >> 4)

    def fit(self, words: Callable[[], Iterable[NDArray[np.int64]]]) -> None:
        """See `CountTable`; keeps the exact counts, which are not saved, for `leave_out`."""
        exact = torch.zeros(4 ** (self.order + 1) // 2, dtype=torch.int64)
        for block in words():
            index = compact(_canonical_words(torch.from_numpy(block), self.order), self.order)
            exact += torch.bincount(index, minlength=len(exact))
        found = levels(exact, self.bits).to(torch.uint8)
        if self.bits == 4:
            found = found[0::2] | (found[1::2] << 4)
        self.entries.copy_(found)
        self.exact = exact.int().to(self.entries.device)


class HashedCounts(nn.Module):
    """A table of the words seen at least `least` times, the most frequent first where it is too small.

    A word hashes to a bucket of four slots of 16 bits: 12 bits of another part of the hash, which tell it
    from others, and the level. A word that was not counted is mistaken for one that was about once in a
    thousand times.

    Args:
        order: Even, at most 30.
        slots: Words there is room for; about 1.25 times the expected number lets nearly all in.
        least: Occurrences from which a word is kept.
    """

    slots: Int[Tensor, "buckets 4"]
    kept: Int[Tensor, "words"] | None
    counts: Int[Tensor, "words"] | None

    def __init__(self, order: int, slots: int, least: int) -> None:
        super().__init__()
        self.order, self.least = order, least
        self.register_buffer("slots", torch.zeros(-(-slots // 4), 4, dtype=torch.int16))
        self.register_buffer("kept", None, persistent=False)
        self.register_buffer("counts", None, persistent=False)

    def forward(
        self, contexts: Contexts, leave_out: Int[Tensor, "*B"] | None = None
    ) -> Float[Tensor, "4 *B"]:
        """See `CountTable`; words that are not kept count 0."""
        words = canonical(contexts)
        if leave_out is None:
            return values(self._levels(*_hashed(words, len(self.slots))), 4)
        assert self.kept is not None, "leave_out needs the exact counts of a fit"
        assert self.counts is not None
        place = torch.searchsorted(self.kept, words).clamp(max=len(self.kept) - 1)
        found = torch.where(self.kept[place] == words, self.counts[place], 0) - _one_hot(leave_out)
        return values(levels(torch.where(found >= self.least, found, 0), 4), 4)

    def _levels(self, bucket: Int[Tensor, "*B"], mark: Int[Tensor, "*B"]) -> Int[Tensor, "*B"]:
        """Level of the slot in each bucket that carries the mark, 0 where none does."""
        if not bucket.numel():
            return torch.zeros_like(bucket)  # torch cannot look at no bytes as numbers of another size
        slots = _looked_up(self.slots.view(torch.int64).squeeze(1), bucket)
        # All four slots of a bucket at once: where the mark is right, nothing but the level is left.
        left = (slots ^ mark * _MARKED).view(torch.int16)
        level = torch.where(left & ~15 == 0, left, 0).view(torch.int64)
        level = level | level >> 32
        return (level | level >> 16) & 15

    def fit(self, words: Callable[[], Iterable[NDArray[np.int64]]]) -> None:
        """See `CountTable`; keeps the exact counts, which are not saved, for `leave_out`.

        Words are counted a part at a time, so that memory is bounded whatever their number.
        """
        total = sum(len(block) for block in words())
        parts = -(-total // _WORDS_AT_ONCE) or 1
        found = [self._often(words(), part, parts) for part in range(parts)]
        kept, counts = (torch.cat(column) for column in zip(*found, strict=True))
        kept, counts = self._fill(kept, counts)
        # A word that does not exist, with no occurrences, is what a search in an empty table finds.
        kept, counts = F.pad(kept, (1, 0), value=-1), F.pad(counts, (1, 0))
        by_word = kept.argsort()
        device = self.slots.device
        self.kept, self.counts = kept[by_word].to(device), counts[by_word].int().to(device)

    def _often(
        self, words: Iterable[NDArray[np.int64]], part: int, parts: int
    ) -> tuple[Int[Tensor, "words"], Int[Tensor, "words"]]:
        """Words of one part that occur at least `least` times, and how often."""
        chosen = []
        for block in words:
            canonical_block = _canonical_words(torch.from_numpy(block), self.order).numpy()
            chosen.append(canonical_block[canonical_block % parts == part])
        found = np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)
        first = np.flatnonzero(np.concatenate(([True], found[1:] != found[:-1], [True])))[: len(found) + 1]
        counts = np.diff(first)
        often = counts >= self.least
        return torch.from_numpy(found[first[:-1]][often]), torch.from_numpy(counts[often])

    def _fill(self, kept: Int[Tensor, "words"], counts: Int[Tensor, "words"]) -> tuple[Tensor, Tensor]:
        """Put words into their buckets, the most frequent first; returns those that found room."""
        order = counts.argsort(descending=True, stable=True)
        bucket, mark = _hashed(kept[order], len(self.slots))
        by_bucket = bucket.argsort(stable=True)
        sorted_bucket = bucket[by_bucket]
        place = torch.arange(len(bucket)) - torch.searchsorted(sorted_bucket, sorted_bucket)
        room = place < 4
        chosen = by_bucket[room]
        slots = (mark[chosen] << 4) | levels(counts[order][chosen], 4)
        filled = torch.zeros(self.slots.shape, dtype=torch.int64)
        filled[sorted_bucket[room], place[room]] = slots
        self.slots.copy_(torch.where(filled > 0x7FFF, filled - 0x10000, filled))
        return kept[order[chosen]], counts[order[chosen]]


def levels(counts: Int[Tensor, "*B"], bits: int) -> Int[Tensor, "*B"]:
    """The level that stands for each count: the nearest on a logarithmic scale; 0 for less than one."""
    steps = torch.tensor(_LEVELS[bits], dtype=torch.float64)
    between = torch.cat((steps[1:2] / 2, (steps[1:-1] * steps[2:]).sqrt())).float()
    return torch.bucketize(counts.float(), between.to(counts.device), right=True)


def values(level: Int[Tensor, "*B"], bits: int) -> Float[Tensor, "*B"]:
    """The count that each level stands for."""
    return _looked_up(torch.tensor(_LEVELS[bits], dtype=torch.float32, device=level.device), level)


def canonical(contexts: Contexts) -> Int[Tensor, "4 *B"]:
    """The words context + A, C, G, T, each as the one of the two strands whose middle base is A or C."""
    first, forward = _first_words(contexts)
    return _four(first, torch.where(forward, 1, -(4**contexts.order)))


def places(contexts: Contexts) -> Int[Tensor, "4 *B"]:
    """`compact` of the four `canonical` words of each context.

    The last base is a word's lowest digit, or the highest on the other strand: both above or both below its
    middle, so that a step in it is one in the place as well.
    """
    first, forward = _first_words(contexts)
    return _four(compact(first, contexts.order), torch.where(forward, 1, -(2 ** (2 * contexts.order - 1))))


def _first_words(contexts: Contexts) -> tuple[Int[Tensor, "*B"], Bool[Tensor, "*B"]]:
    """The canonical words context + A, and which of them are read forward; C, G and T are like A."""
    order = contexts.order
    forward = contexts.forward & (1 << (order - 1)) == 0
    return torch.where(forward, contexts.forward << 2, contexts.backward + 3 * 4**order), forward


def _four(first: Int[Tensor, "*B"], step: Int[Tensor, "*B"]) -> Int[Tensor, "4 *B"]:
    """0, 1, 2 and 3 steps from the first."""
    return torch.stack((first, first + step, first + 2 * step, first + 3 * step))


def compact(words: Int[Tensor, "*B"], order: int) -> Int[Tensor, "*B"]:
    """0 to 4^(order + 1) / 2 − 1 for canonical words of `order` + 1 bases: one bit for the middle base."""
    low = words & (2 ** (order + 1) - 1)
    packed: Tensor = ((words >> (order + 2)) << (order + 1)) | low
    return packed


def _canonical_words(words: Int[Tensor, "N"], order: int) -> Int[Tensor, "N"]:
    """Whole words as the one of the two strands whose middle base is A or C."""
    chosen: Tensor = torch.where((words >> order) & 3 < 2, words, _reverse_complement(words, order + 1))
    return chosen


def _reverse_complement(words: Int[Tensor, "*B"], size: int) -> Int[Tensor, "*B"]:
    """Base 4 digits backwards, each subtracted from 3: neighbours, pairs, fours … change places."""
    x = ~words
    for by in (2, 4, 8, 16, 32):
        kept = _EVERY_OTHER[by]
        x = ((x >> by) & kept) | ((x & kept) << by)
    return _shifted(x, 64 - 2 * size)


def _one_hot(base: Int[Tensor, "*B"]) -> Int[Tensor, "4 *B"]:
    """1 at the base, nothing but 0 for −1."""
    return torch.stack([(base == code).int() for code in range(4)])


def _looked_up(table: Shaped[Tensor, "N"], index: Int[Tensor, "*B"]) -> Shaped[Tensor, "*B"]:
    """`table[index]`, faster."""
    flat = index.flatten()
    if flat.dtype == torch.uint8:
        flat = flat.int()
    return table.index_select(0, flat).view(index.shape)


def _hashed(words: Int[Tensor, "*B"], buckets: int) -> tuple[Int[Tensor, "*B"], Int[Tensor, "*B"]]:
    """Bucket and 12-bit mark, never 0, of each word.

    Source: the finaliser of SplitMix64 (Steele et al. 2014, Fast splittable pseudorandom number generators).
    """
    x = words
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        x = (x ^ _shifted(x, shift)) * factor
    x = x ^ _shifted(x, 31)
    bucket = ((x & 0xFFFFFFFF) * buckets) >> 32
    return bucket, (_shifted(x, 52)).clamp(min=1)


def _shifted(x: Int[Tensor, "*B"], by: int) -> Int[Tensor, "*B"]:
    """Unsigned shift to the right of 64-bit numbers."""
    moved: Tensor = (x >> by) & (2 ** (64 - by) - 1)
    return moved
