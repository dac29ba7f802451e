from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cistron.formats.fasta import Fasta

BENCH = Path(__file__).parents[3] / "bench"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`bench/scan_agreement.py`, imported as a script is."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("scan_agreement")


def test_scores_that_differ_by_a_monotone_change_agree_fully(script):
    llr = np.random.default_rng(0).normal(size=200)
    flank = np.zeros(200)
    found = script.agreement(np.exp(llr), llr, flank, np.random.default_rng(1))
    for name in ("spearman", "spearman_with_allele_part", "lowest_tenth_shared"):
        assert found[name]["estimate"] == pytest.approx(1)
        assert found[name]["low"] > 0.9
    assert found["median_size_of_flank"] == 0


def test_scores_that_have_nothing_in_common_do_not_agree(script):
    random = np.random.default_rng(0)
    found = script.agreement(random.normal(size=400), random.normal(size=400), np.zeros(400), random)
    assert abs(found["spearman"]["estimate"]) < 0.2
    assert found["lowest_tenth_shared"]["estimate"] < 0.4


def test_random_substitutions_change_the_base_that_is_there(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "FIRST", 101)
    bases = "".join(np.random.default_rng(4).choice(list("ACGTN"), 500))
    (tmp_path / "x.fa").write_text(f">x\n{bases}\n")
    with Fasta(tmp_path / "x.fa") as reference:
        found = script.random_snvs(reference, "x", 300, np.random.default_rng(0))
    assert len(found) == 300
    for variant in found:
        assert variant.pos > 100
        assert variant.ref == bases[variant.pos - 1] != variant.alt
        assert variant.ref in "ACGT"
        assert variant.alt in "ACGT"
