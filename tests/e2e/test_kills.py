"""`score`, `embed` and `scan`, killed at twenty random moments each, end in the very same files."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("kills.py")
KILLS = 20


def killed(bench: Any, words: list[object], journal: str, sizes: dict[str, int], *modules: str) -> Any:
    """What `kills.py` saw; it fails where a run did not end in the bytes of one that was left alone."""
    plan = {
        "words": [*map(str, words), "-m", str(bench.model), "--threads", "1"],
        "folder": str(bench.out),
        "journal": journal,
        "sizes": sizes,
        "modules": modules,
        "model": str(bench.model),
        "seed": 1,
        "kills": KILLS,
    }
    line = [sys.executable, str(PROGRAM), json.dumps(plan)]
    ran = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def require_moments(found: Any) -> None:
    """Kills must have come at different times in the work, or they would prove nothing."""
    sizes = {journal for journal, _ in found["kills"]}
    assert len(found["kills"]) == KILLS
    assert len(sizes) >= KILLS // 4
    assert any(0 < journal < found["most"] for journal in sizes)


@pytest.fixture
def variants(bench: Any) -> Path:
    places = range(40, 2960, 20)
    return Path(bench.vcf(*(bench.snv(pos) for pos in places)))


@pytest.mark.slow
def test_a_score_killed_at_random_moments_ends_in_the_same_bytes(bench: Any, variants: Path) -> None:
    words = ["score", variants, "-r", bench.fasta(), "-o", bench.out / "o.vcf.gz", "--width", 64]
    sizes = {"cistron.inference.score.BLOCK": 8}
    found = killed(bench, words, "o.vcf.gz.journal", sizes, "pysam", "cistron.cli.scoring.run")
    assert found["files"] == ["o.vcf.gz", "o.vcf.gz.manifest.json", "o.vcf.gz.tbi"]
    require_moments(found)


@pytest.mark.slow
def test_an_embedding_killed_at_random_moments_ends_in_the_same_bytes(bench: Any) -> None:
    letters = random.Random(2)
    fasta = bench.fasta("in.fa", **{f"s{i}": "".join(letters.choices("ACGT", k=60)) for i in range(60)})
    words = ["embed", fasta, "-o", bench.out / "o.parquet", "--batch-tokens", 30, "--strands", "both"]
    sizes = {"cistron.inference.embedding.passages._BATCHES_AHEAD": 12}
    modules = ("pyarrow.parquet", "cistron.cli.embedding.run", "cistron.inference.planning.budget")
    found = killed(bench, words, "o.parquet.journal", sizes, *modules)
    assert found["files"] == ["o.parquet", "o.parquet.manifest.json"]
    require_moments(found)


@pytest.mark.slow
def test_a_scan_killed_at_random_moments_ends_in_the_same_bytes(bench: Any) -> None:
    words = ["scan", bench.fasta(), "-o", bench.out / "o.bw", "-o", bench.out / "o.parquet"]
    words += ["--width", 128, "--batch-tokens", 200]
    sizes = {"cistron.inference.scan.SHARD_TOKENS": 400}
    modules = ("pyarrow.parquet", "pybigtools", "cistron.cli.scanning.run")
    found = killed(bench, words, "o.bw.journal", sizes, *modules)
    assert {"o.log_p.bw", "o.log_odds.bw", "o.entropy.bw", "o.parquet"} < set(found["files"])
    require_moments(found)
