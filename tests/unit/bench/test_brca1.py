from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cistron.formats.fasta import Fasta
from cistron.genome import Variant
from cistron.genome.sequence import reverse_complement

Bench = dict[str, ModuleType]


def _measured(brca1: ModuleType, count: int = 240) -> Any:
    random = np.random.default_rng(2)
    lof = random.random(count) < 0.3
    rows = [
        {"aa_pos": "7", "consequence": "Missense"}
        if number % 2
        else {"aa_pos": "NA", "consequence": "Intronic"}
        for number in range(count)
    ]
    variants = [Variant("locus", 500 + number // 3, "A", "C") for number in range(count)]
    return brca1.Measured(rows, variants, lof, np.array([variant.pos for variant in variants]))


def test_groups_count_their_variants_and_a_group_of_one_class_is_left_out(bench: Bench) -> None:
    brca1 = bench["brca1"]
    measured = _measured(brca1)
    random = np.random.default_rng(3)
    good = measured.lof + random.normal(0, 0.3, len(measured.lof))
    groups = brca1.report(measured, {"ours": good, "random": random.random(len(good))}, "ours")
    assert set(groups) == {"all", "coding", "missense", "non-coding"}
    assert groups["coding"]["variants"] + groups["non-coding"]["variants"] == groups["all"]["variants"] == 240
    assert groups["all"]["auroc"]["ours"]["low"] > 0.95
    assert groups["all"]["model_minus"]["random"]["low"] > 0.3


def test_the_locus_counts_as_read_when_either_strand_of_it_was(bench: Bench, tmp_path: Path) -> None:
    brca1 = bench["brca1"]
    bases = "".join(np.random.default_rng(4).choice(list("ACGT"), 2000))
    (tmp_path / "locus.fa").write_text(f">locus\n{bases}\n")
    with Fasta(tmp_path / "locus.fa") as locus:
        for text, wanted in ((bases, True), (reverse_complement(bases), True), (bases[:550], False)):
            assert brca1.read_before(_measured(brca1), locus, ["ACGT", text]) is wanted


def test_every_published_reference_base_is_the_locus_file_s(bench: Bench) -> None:
    brca1 = bench["brca1"]
    if not (brca1.DATA / brca1.TABLE).exists():
        pytest.skip("needs the BRCA1 table of CISTRON_DATA")
    with Fasta(brca1.DATA / brca1.LOCUS) as locus:
        measured = brca1.read(locus, None)
        found = [locus.fetch(v.chrom, v.start, v.start + 1) for v in measured.variants]
        few = brca1.read(locus, 10)
    assert found == [variant.ref for variant in measured.variants]
    assert len(found) == 3893
    assert measured.lof.sum() == 823
    assert len(np.unique(few.positions)) == 10
