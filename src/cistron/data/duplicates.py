"""Exact duplicates between sources: long stretches that an earlier source has too, on either strand.

Of every `LEAST` bases in a row one word of `WORD` bases is remembered: the one with the smallest hash, the
same on both strands. Two copies of a stretch remember the same word, wherever they lie. So a later source
finds all its duplicates by looking up its own remembered words, and the bases around each hit say how far it
reaches. In tandem repeats, where every word has many places, a duplicate may stay.
Source: Schleimer, Wilkerson & Aiken 2003, "Winnowing: local algorithms for document fingerprinting".

A word is remembered for every 385 bases on average and takes 16 bytes: 42 MB for a billion bases.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8, UInt64

from cistron.data.index import contigs_of
from cistron.data.letters import CODES, OTHER
from cistron.data.packed import PackedCorpus
from cistron.data.spans import Spans, merged

LEAST: Final = 1024
"""Shorter duplicates are kept, in bp."""

WORD: Final = 256
"""Bases in a word."""

WORDS: Final = LEAST - WORD + 1
"""Words in `LEAST` bases."""

_EXACT: Final = 32  # bases that fit 64 bits
_BLOCK: Final = 1 << 16  # the hashes of a block stay in the second-level cache
_PLACE: Final = np.uint64((1 << 17) - 1)  # holds any position in a block with its overlap
_SCRAMBLE: Final = np.uint64(0x13C6F)
_UNSCRAMBLE: Final = np.uint64(pow(0x13C6F, -1, 1 << 17))
_NONE: Final = np.uint64(2**64 - 1)
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: Knuth 1998, section 6.4
_NOWHERE: Final = 2**62  # behind every position
_MOST_PLACES: Final = 8
"""Places of one word that are compared; a word that is more frequent lies in a repeat."""


class _Stretch(NamedTuple):
    """A usable stretch by its positions in the corpus, and the contig it is of."""

    contig: int
    start: int
    end: int


def find_duplicates(corpus: PackedCorpus, usable: Sequence[Spans]) -> list[Spans]:
    """For each contig, the stretches of at least `LEAST` bp that an earlier source has, 0-based half-open.

    Bases that are not A, C, G or T equal nothing. Within a source nothing is a duplicate.

    Args:
        corpus: Its bases.
        usable: For each contig, what is looked at; a duplicate of anything else is none.
    """
    rows: list[list[tuple[int, int]]] = [[] for _ in usable]
    offsets = [contig.offset for contig in corpus.index.contigs]
    known = _Words(corpus)
    for source in range(1 + max(contig.source for contig in corpus.index.contigs)):
        stretches = [
            _Stretch(number, offsets[number] + int(start), offsets[number] + int(end))
            for number in contigs_of(corpus.index.contigs, source)
            for start, end in usable[number]
        ]
        found = [(stretch, *_remembered(corpus, stretch)) for stretch in stretches]
        for stretch, hashes, positions in found:
            for start, end in known.duplicates(stretch, hashes, positions):
                offset = offsets[stretch.contig]
                rows[stretch.contig].append((start - offset, end - offset))
        known.add(found)
    return [merged(each) for each in rows]


class _Words:
    """The remembered words of all sources so far."""

    def __init__(self, corpus: PackedCorpus) -> None:
        self._corpus: Final = corpus
        self._hashes: UInt64[np.ndarray, "W"] = np.empty(0, dtype=np.uint64)
        self._positions: Int64[np.ndarray, "W"] = np.empty(0, dtype=np.int64)
        self._bounds: list[tuple[int, int]] = []

    def add(self, found: Sequence[tuple[_Stretch, np.ndarray, np.ndarray]]) -> None:
        """Remember the words of one more source."""
        hashes = np.concatenate([self._hashes, *(each[1] for each in found)])
        positions = np.concatenate([self._positions, *(each[2] for each in found)])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._positions = hashes[order], positions[order]
        self._bounds += [(each[0].start, each[0].end) for each in found]

    def duplicates(
        self, stretch: _Stretch, hashes: UInt64[np.ndarray, "W"], positions: Int64[np.ndarray, "W"]
    ) -> Iterator[tuple[int, int]]:
        """Yield positions (start, end) of duplicates in a stretch, given its words in ascending order."""
        firsts = np.searchsorted(self._hashes, hashes, side="left")
        lasts = np.searchsorted(self._hashes, hashes, side="right")
        done = stretch.start
        for number in np.flatnonzero(firsts < lasts):
            here = int(positions[number])
            if here + WORD <= done:
                continue
            for place in range(firsts[number], min(lasts[number], firsts[number] + _MOST_PLACES)):
                start, end = self._match(int(self._positions[place]), here, stretch)
                if end - start >= LEAST:
                    done = max(done, end)
                    yield start, end

    def _match(self, there: int, here: int, stretch: _Stretch) -> tuple[int, int]:
        """The longest equal stretch around the word `here`; empty where only the hash is equal."""
        low, high = self._bounds[bisect_right(self._bounds, (there, _NOWHERE)) - 1]
        before, beyond = here - stretch.start, stretch.end - here
        right = self._common(here, False, there, False, min(beyond, high - there))
        if right >= WORD:
            return here - self._common(here, True, there, True, min(before, there - low)), here + right
        there += WORD
        right = self._common(here, False, there, True, min(beyond, there - low))
        if right >= WORD:
            return here - self._common(here, True, there, False, min(before, high - there)), here + right
        return here, here

    def _common(self, one: int, back: bool, other: int, other_back: bool, limit: int) -> int:
        """How many bases are equal, read from two positions on or, complemented, back from them."""
        done, size = 0, WORD
        while done < limit:
            size = min(2 * size, limit - done, _BLOCK)
            some, others = self._ray(one, back, done, size), self._ray(other, other_back, done, size)
            differ = (some != others) | (some == OTHER)
            if differ.any():
                return done + int(np.argmax(differ))
            done += size
        return limit

    def _ray(self, position: int, back: bool, done: int, size: int) -> UInt8[np.ndarray, "N"]:
        out = np.empty(size, dtype=np.uint8)
        start = position - done - size if back else position + done
        self._corpus.read(start, CODES, out, reverse=back)
        return out


def _remembered(
    corpus: PackedCorpus, stretch: _Stretch
) -> tuple[UInt64[np.ndarray, "W"], Int64[np.ndarray, "W"]]:
    """Hashes and positions of the words that a stretch is remembered by, in the order of positions."""
    hashes, positions = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int64)]
    for start in range(stretch.start, stretch.end - LEAST + 1, _BLOCK):
        codes = np.empty(min(_BLOCK + LEAST - 1, stretch.end - start), dtype=np.uint8)
        corpus.read(start, CODES, codes)
        found = word_hashes(codes)
        chosen = smallest(found)
        chosen = chosen[found[chosen] != _NONE]
        hashes.append(found[chosen])
        positions.append(start + chosen)
    joined, first = np.unique(np.concatenate(positions), return_index=True)
    return np.concatenate(hashes)[first], joined


def word_hashes(codes: UInt8[np.ndarray, "L"]) -> UInt64[np.ndarray, "L-255"]:
    """The hash of the word at each position, the same for its reverse complement.

    A word with a code other than 0 to 3 has the largest hash.
    """
    forward = _hashes(codes & 3)
    hashes: UInt64[np.ndarray, "L-255"] = np.minimum(forward, _hashes(3 - (codes & 3)[::-1])[::-1])
    others = np.concatenate(([0], np.cumsum(codes == OTHER)))
    hashes[others[WORD:] > others[:-WORD]] = _NONE
    return hashes


def _hashes(codes: UInt8[np.ndarray, "L"]) -> UInt64[np.ndarray, "L-255"]:
    values, size = codes.astype(np.uint64), 1
    while size < _EXACT:
        values = values[:-size] << np.uint64(2 * size) | values[size:]
        size *= 2
    while size < WORD:
        values = values * _FACTOR
        values ^= values >> np.uint64(29)
        values = values[:-size] * _FACTOR + values[size:]
        size *= 2
    values ^= values >> np.uint64(32)
    values *= _FACTOR
    return values


def smallest(hashes: UInt64[np.ndarray, "N"]) -> Int64[np.ndarray, "W"]:
    """Positions of the smallest of every `WORDS` hashes in a row, ascending; at most 2^17 hashes.

    Of equal ones, which only tandem repeats have, one is chosen by a scrambled position, so that neighbouring
    windows choose the same one.

    Running minima from both ends of fixed groups give the minimum of any window in one comparison.
    Source: van Herk 1992, "A fast algorithm for local minimum and maximum filters".
    """
    count = len(hashes)
    marked = np.full(-(-count // WORDS) * WORDS, _NONE)
    marked[:count] = (hashes & ~_PLACE) | (np.arange(count, dtype=np.uint64) * _SCRAMBLE & _PLACE)
    groups = marked.reshape(-1, WORDS)
    ahead = np.minimum.accumulate(groups, axis=1).ravel()
    behind = np.minimum.accumulate(groups[:, ::-1], axis=1)[:, ::-1].ravel()
    last = count - WORDS + 1
    least: UInt64[np.ndarray, "M"] = np.minimum(behind[:last], ahead[WORDS - 1 : WORDS - 1 + last])
    return np.unique((least & _PLACE) * _UNSCRAMBLE & _PLACE).astype(np.int64)
