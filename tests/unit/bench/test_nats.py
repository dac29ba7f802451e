from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cistron.inference.next_base import Block

Bench = dict[str, ModuleType]


def _question(nats: ModuleType, blocks: int = 30, bases: int = 40) -> Any:
    jobs = [Block("ACGT" + "A" * bases, 4, 4 + bases)] * blocks
    inside = np.random.default_rng(0).random((blocks, bases)) < 0.25
    regions = {"all": np.ones((blocks, bases), dtype=bool), "exons": inside, "introns": ~inside}
    return nats.Question(jobs, np.arange(blocks) * 1000, regions)


def _answers(nats: ModuleType, question: Any, gain: float) -> list[Any]:
    """A baseline, and a model that is better by `gain` in exons and as much worse elsewhere."""
    random = np.random.default_rng(1)
    hard = random.gamma(4, 0.3, size=question.regions["all"].shape)
    noise = random.normal(0, 0.01, size=hard.shape)
    ours = hard + noise + np.where(question.regions["exons"], -gain, gain)
    return [nats.Answer("Markov, order 3", 3, 260, 1.0, hard), nats.Answer("ours", None, 10, 1.0, ours)]


def test_differences_are_paired_by_region_and_say_where_the_model_beats_every_baseline(bench: Bench) -> None:
    nats = bench["nats"]
    question = _question(nats)
    result = nats.report(question, _answers(nats, question, gain=0.05))
    exons, introns = (result["model_minus"][name]["Markov, order 3"] for name in ("exons", "introns"))
    np.testing.assert_allclose([exons["estimate"], introns["estimate"]], [-0.05, 0.05], atol=0.002)
    assert exons["high"] - exons["low"] < 0.01
    assert result["beats_every_markov_model"] == {"all": False, "exons": True, "introns": False}
    assert result["regions"]["exons"]["bases"] == question.regions["exons"].sum()


def test_one_baseline_that_is_not_beaten_is_enough_to_lose(bench: Bench) -> None:
    nats = bench["nats"]
    question = _question(nats)
    baseline, ours = _answers(nats, question, gain=0.05)
    other = nats.Answer("Markov, order 12", 12, 1, 1.0, ours.nats - 0.001)
    assert nats.report(question, [baseline, ours])["beats_every_markov_model"]["exons"]
    assert not nats.report(question, [baseline, other, ours])["beats_every_markov_model"]["exons"]


def test_uniform_needs_the_logarithm_of_four(bench: Bench) -> None:
    nats = bench["nats"]
    question = _question(nats)
    row = nats.row(nats.uniform(question), question.regions)
    assert row["nats_per_base"]["exons"]["estimate"] == pytest.approx(math.log(4))


def test_regions_of_chromosome_20_are_a_partition_and_have_the_known_shares(bench: Bench) -> None:
    nats = bench["nats"]
    if not (nats.DATA / "human/chr20.fa.gz").exists():
        pytest.skip("needs chr20 and GENCODE v19 of CISTRON_DATA")
    question = nats.ask(256, 512, 400)
    parts = question.regions
    assert all(set(job.text) <= set("ACGT") for job in question.jobs)
    assert (np.sum([parts[name] for name in ("exons", "introns", "intergenic")], axis=0) == 1).all()
    assert (parts["repeats"] ^ parts["not repeats"]).all()
    share = {name: flags.mean() for name, flags in parts.items()}
    assert 0.03 < share["exons"] < 0.10
    assert 0.005 < share["coding"] < share["exons"]
    assert 0.40 < share["repeats"] < 0.55
