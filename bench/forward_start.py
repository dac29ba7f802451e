"""Seconds from starting Python to the first score of the shipped model."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from score import spread

_SCRIPT = """
import os, sys, time
started = float(sys.argv[1])
import cistron
from cistron.genome import Variant
class Reference:
    name, contigs = "made up", {"1": 40_000}
    def fetch(self, chrom, start, end):
        return ("ACGTTGCA" * 5000)[start:end]
model = cistron.load(device="cpu")
score = next(iter(model.score_variants([Variant("1", 20_001, "A", "C")], Reference())))
assert score.llr is not None, score
used = os.times()
print(time.time() - started, used.user + used.system)
"""


def first_score(threads: int, runs: int = 5) -> dict[str, Any]:
    """Seconds on the wall and of the processor, over fresh processes; one that fills caches goes before."""
    found = [_once(threads) for _ in range(runs + 1)][1:]
    wall, cpu = zip(*found, strict=True)
    return {"wall_seconds": spread(list(wall)), "processor_seconds": spread(list(cpu))}


def _once(threads: int) -> tuple[float, float]:
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", _SCRIPT, str(time.time())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    wall, cpu = map(float, done.stdout.split())
    return wall, cpu
