from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.formats.journal import Journal
from cistron.formats.score_journal import JournalEntry, ScoreJournal
from cistron.genome.alleles import AlleleStatus

BLOCKS = [
    [JournalEntry(-1.25, 0.5, None, 0.0), JournalEntry(None, None, AlleleStatus.TOO_LONG)],
    [JournalEntry(1e-300, -1e300, None, 0.25)],
    [JournalEntry(None, None, status) for status in AlleleStatus],
]
ENTRIES = [entry for block in BLOCKS for entry in block]


def test_entries_come_back_exactly_and_may_be_read_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", {}, resume=False) as journal:
        scores = ScoreJournal(journal)
        for block in BLOCKS:
            scores.append(block)
            assert list(scores) == ENTRIES[: scores.done]
        assert list(scores) == list(scores) == ENTRIES
        assert scores.done == len(ENTRIES)


def test_a_resumed_journal_counts_its_entries(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", {}, resume=False) as journal:
        scores = ScoreJournal(journal)
        for block in BLOCKS:
            scores.append(block)
    with Journal(tmp_path / "journal", {}, resume=True) as journal:
        assert ScoreJournal(journal).done == len(ENTRIES)
        assert list(ScoreJournal(journal)) == ENTRIES


@settings(max_examples=50, deadline=None)
@given(*[st.floats(allow_nan=False)] * 3)
def test_any_score_keeps_all_its_bits(
    tmp_path_factory: pytest.TempPathFactory, llr: float, flank: float, error: float
) -> None:
    path = tmp_path_factory.mktemp("bits") / "journal"
    with Journal(path, {}, resume=False) as journal:
        scores = ScoreJournal(journal)
        scores.append([JournalEntry(llr, flank, None, error)])
        (entry,) = scores
    assert struct.pack("ddd", entry.llr, entry.flank, entry.error or 0) == struct.pack(
        "ddd", llr, flank, error or 0
    )
