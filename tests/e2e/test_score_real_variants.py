"""Common human SNPs on the whole chromosome 20, beside the straightforward way to score them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

import cistron
from cistron.formats.fasta import Fasta

Run = Callable[..., Any]
COUNT = 150
WIDTH = 64
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture(scope="module")
def fasta(real_data: Path) -> Path:
    return real_data / "human" / "chr20.fa.gz"


@pytest.fixture(scope="module")
def snps(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first common SNPs of chromosome 20; their contig is `20` where the FASTA has `chr20`."""
    rows = pq.read_table(real_data / "variants" / "common_snps_hg19_chr20_22_X.parquet").to_pylist()
    lines = ["##fileformat=VCFv4.3", "##contig=<ID=20,length=63025520,assembly=hg19>"]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for row in [row for row in rows if row["_labels"] == "chr20"][:COUNT]:
        lines.append(f"20\t{row['_starts'] + 1}\t{row['ID']}\t{row['ref']}\t{row['alt']}\t.\t.\t.")
    path = tmp_path_factory.mktemp("snps") / "snps.vcf"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_common_snps_agree_with_the_reference_and_with_two_full_passes_for_each(
    score: Run, snps: Path, fasta: Path, tiny: Path, tmp_path: Path, scores_of: Run
) -> None:
    ran = score(snps, fasta, tmp_path / "out.vcf.gz", "--width", WIDTH)
    assert f"{COUNT} of {COUNT} alleles scored" in ran.err
    loaded = cistron.load(tiny, device="cpu", dtype="float64")

    def total(window: str) -> float:
        ids = torch.from_numpy(loaded.tokenizer.encode(window))[None]
        with torch.inference_mode():
            logits = loaded.model(ids).logits
        assert logits is not None
        predicted = logits[0, :-1].log_softmax(-1)
        return float(predicted.gather(-1, ids[0, 1:, None]).sum())

    def llr(window: str, alt: str) -> float:
        half = WIDTH // 2
        return total(window[:half] + alt + window[half + 1 :]) - total(window)

    half = WIDTH // 2
    with Fasta(fasta) as genome:
        for row in scores_of(tmp_path / "out.vcf.gz"):
            start = row["pos"] - 1
            plus = genome.fetch("chr20", start - half, start + half)
            minus = genome.fetch("chr20", start - half + 1, start + half + 1)[::-1].translate(COMPLEMENT)
            expected = (llr(plus, row["alt"]) + llr(minus, row["alt"].translate(COMPLEMENT))) / 2
            assert row["llr"] == pytest.approx(expected, abs=1e-4)
