"""Baselines of tracks: each base gets the mean of its kind in the training regions."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.genome import Interval
from cistron.metrics.tracks_baselines import all_alike, annotation_kinds, cpg_kinds, fitted, gc_kinds

LENGTH = 20_000
RANDOM = np.random.default_rng(1)
MEASURED = RANDOM.gamma(1.0, 2.0, LENGTH)


class Genome:
    """One contig: weak bases in its first half, strong ones in its second."""

    name = "genome"
    contigs = MappingProxyType({"1": LENGTH})

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return ("AT" * (LENGTH // 4) + "GC" * (LENGTH // 4))[start:end]


def measured(chrom: str, start: int, end: int) -> np.ndarray:
    return MEASURED[start:end]


def test_the_mean_track_is_the_mean_of_the_training_regions():
    regions = [Interval("1", 0, 5_000), Interval("1", 9_000, 10_000)]
    found = fitted(measured, all_alike, regions)("1", 15_000, 15_003)
    assert found == pytest.approx([np.concatenate([MEASURED[:5_000], MEASURED[9_000:10_000]]).mean()] * 3)


def test_bases_that_are_not_known_are_not_learned_from():
    def known(chrom: str, start: int, end: int) -> np.ndarray:
        return np.arange(start, end) % 2 == 0

    found = fitted(measured, all_alike, [Interval("1", 0, 1_000)], known=known)("1", 0, 1)
    assert found == pytest.approx(MEASURED[:1_000:2].mean())
    with pytest.raises(InputError, match="hold no known base"):
        fitted(measured, all_alike, [Interval("1", 1, 2)], known=known)


def test_a_kind_that_was_never_met_takes_the_mean_of_the_nearest_kind():
    def kinds(chrom: str, start: int, end: int) -> np.ndarray:
        return np.arange(start, end) // 1_000

    found = fitted(measured, kinds, [Interval("1", 2_000, 3_000), Interval("1", 7_000, 8_000)])
    low, high = MEASURED[2_000:3_000].mean(), MEASURED[7_000:8_000].mean()
    assert [found("1", place, place + 1)[0] for place in (0, 4_999, 5_000, 19_999)] == pytest.approx(
        [low, low, high, high]
    )


def test_gc_content_is_that_of_the_surroundings_cut_at_the_ends_of_the_contig():
    kinds = gc_kinds(Genome())
    assert kinds("1", 0, 3).tolist() == [0, 0, 0]
    assert kinds("1", LENGTH - 2, LENGTH).tolist() == [100, 100]
    middle = LENGTH // 2
    assert kinds("1", middle, middle + 1).tolist() == [50]
    assert kinds("1", middle - 256, middle - 255).tolist() == [25]


def test_cpg_are_counted_in_the_surroundings():
    genome = Genome()
    text = "TTCG" * (LENGTH // 4)
    genome.fetch = lambda chrom, start, end: text[start:end]
    assert set(cpg_kinds(genome)("1", 5_000, 5_100).tolist()) <= {255, 256}
    assert cpg_kinds(genome)("1", 0, 1).tolist() == [128]


def test_annotation_tells_exons_introns_and_the_distance_to_the_nearest_start_along_the_strand():
    genes = [Interval("1", 1_000, 3_000, "+"), Interval("1", 10_000, 12_000, "-")]
    exons = [Interval("1", 1_000, 1_500, "+"), Interval("1", 11_500, 12_000, "-")]
    kinds = annotation_kinds(genes, exons)

    def kind(place: int) -> int:
        return int(kinds("1", place, place + 1)[0])

    assert kind(1_050) == kind(11_949)  # 50 bases behind the start, in an exon, on either strand
    assert kind(900) == kind(12_099)  # 100 bases before it
    assert kind(1_050) != kind(1_200) != kind(900)
    assert kind(1_600) != kind(900)  # an intron is not upstream
    assert len({kind(place) for place in (1_050, 1_600, 900)}) == 3
    assert kinds("2", 0, 2).tolist() == [0, 0]
