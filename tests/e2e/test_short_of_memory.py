"""A machine with too little memory for the usual batch gets the same answers in smaller ones."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

LOADED = """
import cistron
cistron.load(device="cpu")
status = dict(line.split(":") for line in open("/proc/self/status") if line.startswith("VmData"))
print(int(status["VmData"].split()[0]) * 1024)
"""


def limited(words: list[str], limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """A run on one thread that may take so many bytes of memory for data."""

    def set_limit() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.run(
        words, capture_output=True, text=True, preexec_fn=set_limit, env=os.environ | threads, check=False
    )


@pytest.mark.slow
def test_an_embedding_goes_on_in_smaller_batches_and_says_so_once(tmp_path: Path) -> None:
    letters = random.Random(1)
    records = (f">s{i}\n{''.join(letters.choices('ACGT', k=2000))}\n" for i in range(16))
    (tmp_path / "in.fa").write_text("".join(records))
    loaded = int(limited([sys.executable, "-c", LOADED]).stdout)
    embed = [sys.executable, "-m", "cistron", "embed", str(tmp_path / "in.fa"), "--threads", "1", "-o"]
    usual = limited([*embed, str(tmp_path / "usual.npy")])
    short = limited([*embed, str(tmp_path / "short.npy")], loaded + 200 * 2**20)
    assert usual.returncode == 0, usual.stderr
    assert short.returncode == 0, short.stderr
    assert "batches of" not in usual.stderr
    assert short.stderr.count("going on with batches of") == 1
    found, expected = np.load(tmp_path / "short.npy"), np.load(tmp_path / "usual.npy")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_window_whose_state_does_not_fit_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cistron", "plan", "embed", "--length", "1048576", "--memory", "2"]
    refused = limited([*words, "-m", "genos/genos-1.2b", "--device", "cpu", "--dtype", "bfloat16"])
    assert refused.returncode == 1
    assert "24.00 GiB State of 1,048,576 tokens" in refused.stderr
    assert refused.stderr.count("\n") == 1


ROOM = 150 * 2**20
"""Bytes that a command may still take: enough for the tiny model, but not for batches of 200,000 tokens."""

WORDS: dict[str, tuple[object, ...]] = {
    "score": ("in.vcf", "-r", "genome.fa", "--width", 64),
    "mutate": ("1:1001-1020", "-r", "genome.fa", "--width", 64),
    "explain": ("1:1001-1200", "-r", "genome.fa", "--width", 64),
    "likelihood": ("genome.fa",),
    "generate": ("--prompts", "prompts.fa", "-n", 20),
    "scan": ("genome.fa", "--width", 64),
    "embed": ("genome.fa", "--window", 100),
}
ENDINGS = {"generate": ".fa", "scan": ".parquet", "embed": ".npy"}


@contextmanager
def little_memory(room: int) -> Iterator[None]:
    """This process may take so many bytes more for data."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    held = re.search(r"VmData:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert held is not None
    resource.setrlimit(resource.RLIMIT_DATA, (int(held[1]) * 1024 + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.parametrize("verb", WORDS)
def test_every_verb_plans_its_batches_for_the_memory_there_is(
    command: Callable[..., Any], bench: Any, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    bench.fasta()
    bench.fasta("prompts.fa", a="ACGTTGCA", b="TTG")
    bench.vcf(*(bench.snv(pos) for pos in range(40, 2900, 100)))

    def run(name: str) -> tuple[list[str], bytes, Any]:
        out = bench.out / f"{name}{ENDINGS.get(verb, '.tsv')}"
        words = [*WORDS[verb], "-o", out, "-m", bench.model, "--batch-tokens", 200_000, "--threads", 1]
        ran = command(verb, *words)
        assert ran.code == 0, ran.err
        told = [line for line in ran.err.splitlines() if "memory is short" in line]
        return told, out.read_bytes(), json.loads(Path(f"{out}.manifest.json").read_text())

    told, usual, manifest = run("usual")
    assert not told
    assert manifest["batches"] == [200_000]
    with little_memory(ROOM):
        told, short, manifest = run("short")
    assert len(told) == 1, told
    (batch,) = manifest["batches"]
    assert 256 <= batch < 200_000
    assert f"batches of {batch:,} tokens or fewer" in told[0]
    if verb != "scan":  # whose Parquet keeps the command, and so the name of the output
        assert short == usual


def test_a_model_that_does_not_fit_is_told_in_one_line(command: Callable[..., Any], bench: Any) -> None:
    with little_memory(16 * 2**20):
        ran = command("likelihood", bench.fasta(), "-o", bench.out / "out.tsv", "--threads", 1)
    assert ran.error.startswith("memory ran out while 'default' was loaded; take a smaller model")
    assert bench.left() == []
