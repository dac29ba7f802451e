"""Where things stand in the figure of llr along the genome."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from cistron.genome.annotation import GeneModel
from cistron.reports.landscape import Dot, name_of, spread, view
from cistron.reports.variants import ReportRow

places = st.lists(st.integers(0, 100).map(float), min_size=1, max_size=20).map(sorted)


@given(places)
def test_spread_labels_keep_their_distance_order_and_bounds(wanted):
    found = spread(wanted, 4.0, -2.0, 102.0)
    assert all(b - a > 4.0 - 1e-9 for a, b in itertools.pairwise(found))
    assert found[0] >= -2.0 - 1e-9
    assert found[-1] <= 102.0 + 1e-9


@given(places)
def test_spread_is_the_least_squares_arrangement(wanted):
    steps = 4.0 * np.arange(len(wanted))
    best = isotonic_regression(np.array(wanted) - steps).x + steps
    assert spread(wanted, 4.0, -1e6, 1e6) == pytest.approx(best.tolist())


def test_spread_leaves_places_alone_that_have_room():
    assert spread([1.0, 10.0, 30.0], 4.0, 0.0, 50.0) == [1.0, 10.0, 30.0]


@pytest.mark.parametrize(
    ("name", "ref", "alt", "expected"),
    [
        ("p.P102L", "C", "T", "P102L"),
        ("", "C", "T", "171 C>T"),
        ("", "C" * 25, "C", "171 25bp>C"),
        ("p." + "A" * 40, "C", "T", "A" * 15 + "…"),
    ],
)
def test_short_names_fit_their_place(name, ref, alt, expected):
    row = ReportRow("20", 171, ref, alt, -1.0, None, None, name, "", "SNV")
    assert name_of(row) == expected


def test_view_takes_in_the_coding_exon_of_the_alleles_but_not_a_far_one():
    gene = GeneModel("G", "20", "+", ((0, 50), (1000, 1300)), ((20, 50), (1000, 1200)))
    dots = [Dot(1050, -1, "a", "x"), Dot(1150, -1, "b", "x")]
    low, high = view(dots, [gene])
    assert 950 < low <= 1001
    assert 1200 <= high < 1250


def test_view_does_not_lose_the_alleles_in_a_large_exon():
    gene = GeneModel("G", "20", "+", ((0, 100_000),), ((0, 100_000),))
    low, high = view([Dot(500, -1, "a", "x"), Dot(510, -1, "b", "x")], [gene])
    assert high - low < 50


def test_view_of_a_single_allele_has_a_width():
    low, high = view([Dot(500, -1, "a", "x")], [])
    assert low < 500 < high
