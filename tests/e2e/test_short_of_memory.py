"""A machine with too little memory for the usual batch gets the same answers in smaller ones."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

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
