from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cistron.errors import OutputError, ResumeError
from cistron.formats.journal import Journal

IDENTITY = {"width": 64, "model": "tiny", "regions": ["1:1-2"]}
BLOCKS = [b"one block", b"", b"\x00" * 40, bytes(range(256))]


def write(path: Path) -> bytes:
    with Journal(path, IDENTITY, resume=False) as journal:
        for block in BLOCKS:
            journal.append(block)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.vcf.journal"


def test_blocks_come_back_exactly_and_may_be_read_again(path: Path) -> None:
    with Journal(path, IDENTITY, resume=False) as journal:
        for block in BLOCKS:
            journal.append(block)
            assert list(journal) == BLOCKS[: journal.done]
        assert list(journal) == list(journal) == BLOCKS
        assert journal.done == len(BLOCKS)


def test_a_resumed_journal_goes_on_behind_what_is_there(path: Path) -> None:
    write(path)
    with Journal(path, IDENTITY, resume=True) as journal:
        assert journal.done == len(BLOCKS)
        journal.append(BLOCKS[0])
        assert list(journal) == [*BLOCKS, BLOCKS[0]]


def test_resuming_nothing_starts_anew(path: Path) -> None:
    with Journal(path, IDENTITY, resume=True) as journal:
        assert journal.done == 0
        assert list(journal) == []


def test_without_resume_the_journal_starts_empty(path: Path) -> None:
    whole = write(path)
    with Journal(path, {"width": 128}, resume=False) as journal:
        assert list(journal) == []
    assert len(path.read_bytes()) < len(whole)


def test_a_protected_journal_is_only_resumed_and_never_begun_again(path: Path) -> None:
    whole = write(path)
    for identity in (IDENTITY, {"width": 128}):
        with pytest.raises(ResumeError, match="of a run that did not finish; give --resume to continue it"):
            Journal(path, identity, resume=False, protect=True)
        assert path.read_bytes() == whole
    with Journal(path, IDENTITY, resume=True, protect=True) as journal:
        assert list(journal) == BLOCKS


@pytest.mark.parametrize("kept", [0, 5, None], ids=["empty", "cut header", "header"])
def test_a_protected_journal_that_holds_nothing_is_begun_again(path: Path, kept: int | None) -> None:
    whole = write(path)
    path.write_bytes(whole[: whole.index(b"\n") + 1 if kept is None else kept])
    with Journal(path, {"width": 128}, resume=False, protect=True) as journal:
        journal.append(BLOCKS[0])
        assert list(journal) == BLOCKS[:1]


def test_notes_come_back_with_their_blocks(path: Path) -> None:
    with Journal(path, IDENTITY, resume=False) as journal:
        assert journal.note is None
        for block, note in zip(BLOCKS, (4096, 4096, 1024, 1024), strict=True):
            journal.append(block, note)
    with Journal(path, IDENTITY, resume=True) as journal:
        assert journal.note == 1024
        assert journal.notes == {4096, 1024}


def test_a_journal_cut_at_any_byte_keeps_its_whole_blocks_and_takes_the_rest_again(path: Path) -> None:
    whole = write(path)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path, IDENTITY, resume=True) as journal:
            done = journal.done
            assert list(journal) == BLOCKS[:done]
            for block in BLOCKS[done:]:
                journal.append(block)
            assert list(journal) == BLOCKS
        assert path.read_bytes() == whole


def test_a_flipped_bit_anywhere_behind_the_header_never_gives_a_wrong_block(path: Path) -> None:
    whole = write(path)
    for place in range(whole.index(b"\n") + 1, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x81
        path.write_bytes(damaged)
        with Journal(path, IDENTITY, resume=True) as journal:
            assert list(journal) == BLOCKS[: journal.done]
            assert journal.done < len(BLOCKS)


@pytest.mark.parametrize("tail", [bytes(40), b"\xff" * 40], ids=["zeros", "ones"])
def test_garbage_behind_the_last_block_is_dropped(path: Path, tail: bytes) -> None:
    whole = write(path)
    path.write_bytes(whole + tail)
    with Journal(path, IDENTITY, resume=True) as journal:
        assert list(journal) == BLOCKS
    assert path.read_bytes() == whole


def test_another_identity_is_refused_with_what_differs_and_nothing_is_lost(path: Path) -> None:
    whole = write(path)
    with pytest.raises(
        ResumeError, match="width was 64 and is 65; use the same inputs and settings"
    ) as caught:
        Journal(path, {**IDENTITY, "width": 65}, resume=True)
    assert "model" not in str(caught.value)
    assert path.read_bytes() == whole


def test_a_damaged_header_is_told(path: Path) -> None:
    whole = write(path)
    path.write_bytes(whole.replace(b'"width"', b'"width', 1))
    with pytest.raises(ResumeError, match="first line is damaged"):
        Journal(path, IDENTITY, resume=True)


@pytest.mark.parametrize("content", [b"dear diary\n", b"\x00\x01\x02", b"{}\n"])
@pytest.mark.parametrize("resume", [True, False])
def test_a_file_that_is_something_else_is_left_alone(path: Path, content: bytes, resume: bool) -> None:
    path.write_bytes(content)
    with pytest.raises(ResumeError, match="is not a journal of a run; remove it or choose another output"):
        Journal(path, IDENTITY, resume=resume)
    assert path.read_bytes() == content


@pytest.mark.parametrize("resume", [True, False])
def test_one_journal_is_open_once_and_a_refused_opening_changes_nothing(path: Path, resume: bool) -> None:
    with Journal(path, IDENTITY, resume=False) as journal:
        journal.append(BLOCKS[0])
        before = path.read_bytes()
        with pytest.raises(ResumeError, match="is in use: another run is writing this output"):
            Journal(path, IDENTITY, resume=resume)
        assert path.read_bytes() == before
        journal.append(BLOCKS[1])
        assert list(journal) == BLOCKS[:2]
    Journal(path, IDENTITY, resume=resume).__exit__(None, None, None)


def test_the_lock_goes_with_a_killed_process(path: Path) -> None:
    code = (
        "import os, sys, pathlib; from cistron.formats.journal import *; "
        "j = Journal(pathlib.Path(sys.argv[1]), {}, resume=False); "
        "j.append(b'safe'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -9
    with Journal(path, {}, resume=True) as journal:
        assert list(journal) == [b"safe"]


def test_a_file_that_lost_its_name_between_opening_and_locking_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path)
    opened = os.open
    losses = iter([True, False])

    def open_then_lose(*arguments: int) -> int:
        descriptor = opened(*arguments)
        if next(losses):
            path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_then_lose)
    with Journal(path, IDENTITY, resume=True) as journal:
        journal.append(BLOCKS[0])
        assert path.exists()
        assert os.path.samestat(path.stat(), os.fstat(journal._file.fileno()))


def test_remove_takes_the_file_away_and_may_be_called_again(path: Path) -> None:
    with Journal(path, IDENTITY, resume=False) as journal:
        journal.remove()
        journal.remove()
    assert not path.exists()


@pytest.mark.parametrize("name", ["missing/journal", "file/journal", "."])
def test_a_journal_that_cannot_be_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        Journal(tmp_path / name, IDENTITY, resume=False)
