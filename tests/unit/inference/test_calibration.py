from __future__ import annotations

import json
import random

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.genome import Interval, Variant
from cistron.genome.alleles import check_ref, trim
from cistron.genome.changes import change_kind, kinds
from cistron.inference.calibration import Calibration, Percentiles, draw, tabulate

SETTINGS = {"model_sha256": "ab", "width": 64, "strands": "both", "indel": "neutral"}


class Contigs:
    """A genome in memory."""

    name = "memory"

    def __init__(self, **sequences: str) -> None:
        self.sequences = sequences
        self.contigs = {name: len(bases) for name, bases in sequences.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return self.sequences[chrom][start:end]


@pytest.fixture(scope="module")
def genome() -> Contigs:
    choose = random.Random(3)
    return Contigs(**{"1": "N" * 500 + "".join(choose.choices("ACGT", k=8000)), "2": "ACGT" * 500})


def test_a_percentile_counts_the_lower_and_half_of_the_equal() -> None:
    table = Calibration(SETTINGS, {"del1": [-2.0, -1.0, -1.0, 0.0]})
    assert table.percentile("del1", -3) == pytest.approx(10)
    assert table.percentile("del1", -1) == pytest.approx(50)
    assert table.percentile("del1", 5) == pytest.approx(90)
    assert table.percentile("ins1", 0) is None


def test_percentiles_of_fresh_draws_are_uniform() -> None:
    generator = np.random.default_rng(0)
    table = Calibration(SETTINGS, {"del1": sorted(generator.normal(size=2000))})
    found = [table.percentile("del1", llr) for llr in generator.normal(size=2000)]
    counts, _ = np.histogram(found, bins=10, range=(0, 100))
    assert counts.min() > 140
    assert counts.max() < 260


def test_a_table_comes_back_from_its_file() -> None:
    table = Calibration(SETTINGS, {"del1": [-1.5, 2.0]}, {"seed": 4, "regions": ["1"]})
    assert Calibration.from_dict(json.loads(json.dumps(table.to_dict()))) == table


@pytest.mark.parametrize("values", [{}, {**SETTINGS, "scores": 3}, {**SETTINGS, "scores": {"del1": ["x"]}}])
def test_a_damaged_table_is_told(values: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"calibration is damaged .*cistron calibrate"):
        Calibration.from_dict(values)


def test_a_round_holds_every_kind_once_and_agrees_with_the_genome(genome: Contigs) -> None:
    variants = draw(genome, [Interval("1", 0, 8500)], seed=1, number=0)
    assert [check_ref(variant, genome, "1") for variant in variants] == [None] * len(variants)
    found = [change_kind(trim(variant), genome) for variant in variants]
    # An inserted base may repeat its anchor, but its length stays.
    assert sorted(filter(None, found)) == sorted(kinds())


def test_places_lie_in_the_regions(genome: Contigs) -> None:
    regions = [Interval("1", 600, 2600), Interval("1", 5000, 7000)]
    for variant in draw(genome, regions, seed=1, number=0):
        assert any(r.start <= variant.start and variant.start + len(variant.ref) <= r.end for r in regions)


def test_rounds_are_drawn_alike_again_and_differ_from_one_another(genome: Contigs) -> None:
    regions = [Interval("1", 0, 8500)]
    assert draw(genome, regions, 1, 5) == draw(genome, regions, 1, 5)
    assert draw(genome, regions, 1, 5) != draw(genome, regions, 1, 6)
    assert draw(genome, regions, 1, 5) != draw(genome, regions, 2, 5)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([], "hold no bases"),
        ([Interval("1", 0, 400)], "hold no 3 bases A, C, G or T"),
        ([Interval("2", 0, 2000)], "lack the trinucleotide"),
    ],
    ids=["none", "only-N", "repetitive"],
)
def test_regions_without_what_is_needed_are_refused(
    genome: Contigs, regions: list[Interval], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cistron.inference.calibration._TRIES", 3000)
    with pytest.raises(InputError, match=message):
        draw(genome, regions, 1, 0)


def test_changes_without_a_score_are_left_out(genome: Contigs) -> None:
    ref = genome.fetch("1", 600, 601)
    variants = [Variant("1", 601, ref, "ACGT".replace(ref, "")[0])] * 3
    table = tabulate([(variants, [1.0, float("nan"), -1.0])], genome)
    assert list(table.values()) == [[-1.0, 1.0]]


def test_percentiles_follow_contig_names_and_leave_out_what_has_none(genome: Contigs) -> None:
    ref = genome.fetch("1", 600, 602)
    deletion = Variant("chr1", 601, ref, ref[0])
    percentiles = Percentiles(Calibration(SETTINGS, {"del1": [0.0]}), genome)
    assert percentiles.of(deletion, 1.0) == 75
    assert percentiles.of(deletion, None) is None
    assert percentiles.of(Variant("chr1", 601, ref[0], "<DUP>"), 1.0) is None
    assert percentiles.of(Variant("7", 601, ref, ref[0]), 1.0) is None
