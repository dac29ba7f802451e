"""The journal of a scoring run: blocks of scores, or of reasons why there is none."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cistron.formats.journal import Journal
from cistron.genome.alleles import AlleleStatus

_ENTRY: Final = struct.Struct("<Bddd")  # status (0: scored), llr, flank, error
_STATUSES: Final = tuple(AlleleStatus)


class JournalEntry(NamedTuple):
    """What became of one allele: a score in nats, or the reason why there is none.

    `error` is how far the score may be from the exact one, in nats; 0 of an exact one.
    """

    llr: float | None
    flank: float | None
    status: AlleleStatus | None
    error: float | None = None


class ScoreJournal:
    """Entries of alleles, in the order of the input, in a `Journal`, whose errors it raises.

    Attributes:
        journal: Where they lie.
        done: Entries that are safe.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal: Final = journal
        self.done = sum(len(payload) // _ENTRY.size for payload in journal)

    def append(self, entries: Sequence[JournalEntry], note: int = 0) -> None:
        """Add one block, and the note of `Journal.append`."""
        self.journal.append(b"".join(map(_packed, entries)), note)
        self.done += len(entries)

    def __iter__(self) -> Iterator[JournalEntry]:
        """All entries in order, in flat memory."""
        for payload in self.journal:
            for number, llr, flank, error in _ENTRY.iter_unpack(payload):
                if number:
                    yield JournalEntry(None, None, _STATUSES[number - 1])
                else:
                    yield JournalEntry(llr, flank, None, error)


def _packed(entry: JournalEntry) -> bytes:
    if entry.status is not None:
        return _ENTRY.pack(1 + _STATUSES.index(entry.status), 0.0, 0.0, 0.0)
    assert entry.llr is not None
    assert entry.flank is not None
    return _ENTRY.pack(0, entry.llr, entry.flank, entry.error or 0.0)
