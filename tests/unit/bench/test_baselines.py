from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cistron.data.build import Source, build_corpus
from cistron.training.corpora import identity
from cistron.training.pretrain import DataSettings

Bench = dict[str, ModuleType]


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Source, ...]:
    letters = np.random.default_rng(3).choice(list("AACGT"), 60_000)
    (tmp_path / "a.fa").write_text(">a\n" + "".join(letters) + "\n")
    (tmp_path / "b.fa").write_text(">b\n" + "".join(letters[:40_000]) + "\n")
    return Source(str(tmp_path / "a.fa")), Source(str(tmp_path / "b.fa"))


def test_a_baseline_has_learned_the_corpus_and_is_fitted_once(
    bench: Bench, sources: tuple[Source, ...], tmp_path: Path
) -> None:
    baselines = bench["baselines"]
    corpus = build_corpus(sources[:1], tmp_path / "corpus")
    model = baselines.fitted([corpus], 1, tmp_path / "markov")
    assert model.card["data_sha256"] == identity([corpus])
    answer = next(model.log_likelihood(["TAAAAAAAA"]))
    # A has a share of 0.4 and T of 0.2, so on both strands together A follows A in 0.16 + 0.04 of the
    # 0.4 + 0.2 places behind an A, and follows T in 0.08 + 0.08 of 0.2 + 0.4.
    assert answer.total == pytest.approx(7 * math.log(1 / 3) + math.log(0.16 / 0.6), abs=0.2)
    weights = next((tmp_path / "markov").glob("*/model.safetensors"))
    before = weights.stat().st_mtime_ns
    baselines.fitted([corpus], 1, tmp_path / "markov")
    assert weights.stat().st_mtime_ns == before


def test_a_model_that_learned_other_bases_than_the_recipe_is_refused(
    bench: Bench, sources: tuple[Source, ...], tmp_path: Path
) -> None:
    baselines = bench["baselines"]
    corpus = build_corpus(sources[:1], tmp_path / "corpus")
    model = baselines.fitted([corpus], 0, tmp_path / "markov")
    same, other = DataSettings(sources=sources[:1]), DataSettings(sources=sources[1:])
    assert identity(baselines.training_corpora(same, tmp_path / "run", model)) == model.card["data_sha256"]
    with pytest.raises(SystemExit, match="use the recipe and the data"):
        baselines.training_corpora(other, tmp_path / "other", model)
