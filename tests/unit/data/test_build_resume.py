from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cistron.data.build import build_corpus
from cistron.data.packed import PackedCorpus
from cistron.errors import InputError, OutputError, ResumeError

# Builds a corpus and stops by `sys.argv[3]`: at the n-th call of progress, the process kills itself.
SCRIPT = """
import os, signal, sys
from pathlib import Path
import cistron.formats.fasta_stream as stream
from cistron.data import build, plan
from cistron.data.corpus import Source

def small_pieces(path, read=stream.stream_fasta):
    for name, letters in read(path):
        yield name, b""
        for at in range(0, len(letters), 700):
            yield name, letters[at : at + 700]

build.stream_fasta = small_pieces
calls = 0
def progress(done, total):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

source = Source(sys.argv[1])
build.build_corpus([source, source], Path(sys.argv[2]), shard_bytes=256, resume=True, deduplicate=True,
                   progress=progress)
"""


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def source(fasta, random_bases):
    parts = (random_bases(4000, 1), "N" * 1500, random_bases(3001, 2), "RN", random_bases(999, 3))
    return fasta({"x": "".join(parts), "y": random_bases(2003, 4)})


def test_a_build_that_was_killed_goes_on_and_gives_the_same_bytes(source, tmp_path):
    whole = tmp_path / "whole"
    build_corpus([source, source], whole, shard_bytes=256, deduplicate=True)
    folder = tmp_path / "killed"
    for call in (1, 9, 12):
        words = [sys.executable, "-c", SCRIPT, source.fasta, str(folder), str(call)]
        killed = subprocess.run(words, capture_output=True, text=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        with pytest.raises(InputError, match="is not finished; continue it with"):
            PackedCorpus.open(folder)
    done = len(list(folder.glob("bases-*.bin")))
    assert 4 < done < len(list(whole.glob("bases-*.bin")))
    with pytest.raises(OutputError, match="already holds a half-built corpus"):
        build_corpus([source, source], folder, shard_bytes=256, deduplicate=True)
    with pytest.raises(ResumeError, match="holds a corpus of other deduplicate"):
        build_corpus([source, source], folder, shard_bytes=256, resume=True)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("bases-*.bin")}
    build_corpus([source, source], folder, shard_bytes=256, deduplicate=True, resume=True)
    after = {name: (folder / name).stat().st_mtime_ns for name in before}
    assert after == before, "shards that were whole are not written again"
    assert content(folder) == content(whole)


def test_what_a_killed_write_left_is_swept_away(source, tmp_path):
    folder = tmp_path / "corpus"
    words = [sys.executable, "-c", SCRIPT, source.fasta, str(folder), "12"]
    subprocess.run(words, capture_output=True, check=False)
    (folder / ".0123abcd-bases-00007.bin").write_bytes(b"half")
    build_corpus([source, source], folder, shard_bytes=256, deduplicate=True, resume=True)
    assert not [name for name in content(folder) if name.startswith((".", "building", "runs-"))]


def test_a_kill_behind_the_index_leaves_a_corpus_that_resuming_tidies(source, tmp_path):
    folder = tmp_path / "corpus"
    corpus = build_corpus([source], folder, shard_bytes=256)
    whole = content(folder)
    (folder / "building.json").write_text("{}")
    (folder / "runs-00000.npy").write_bytes(b"")
    assert PackedCorpus.open(folder).sha256 == corpus.sha256
    build_corpus([source], folder, shard_bytes=256, resume=True)
    assert content(folder) == whole


def test_two_processes_do_not_build_one_corpus(source, tmp_path):
    folder = tmp_path / "corpus"
    tried = []

    def progress(done: int, total: int) -> None:
        if not tried:
            tried.append(folder)
            with pytest.raises(ResumeError, match="is in use: another process builds this corpus"):
                build_corpus([source], folder, resume=True)

    build_corpus([source], folder, progress=progress)
    assert tried


def test_a_full_disk_is_named_and_what_was_whole_is_continued(source, tmp_path):
    folder = tmp_path / "corpus"
    size = 2_000  # less than the index
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(OutputError, match="the disk is full"):
            build_corpus([source, source], folder, shard_bytes=256)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(folder.glob(".*")), "nothing half-written stays"
    with pytest.raises(InputError, match="is not finished"):
        PackedCorpus.open(folder)
    assert build_corpus([source, source], folder, shard_bytes=256, resume=True).num_bases > 20_000


def test_a_place_that_cannot_be_made_is_named(source, tmp_path):
    with pytest.raises(OutputError, match="is not a folder"):
        build_corpus([source], tmp_path / "a.fa" / "corpus")
