"""What the bases of a stretch are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cistron.genome import Interval
from cistron.genome.annotation import covered, gene_partition
from cistron.genome.base_classes import BaseClasses

LENGTH = 60


@st.composite
def intervals(draw: st.DrawFn) -> list[Interval]:
    pairs = draw(st.lists(st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)), max_size=6))
    return [Interval("1", min(pair), max(pair)) for pair in pairs]


@given(intervals(), intervals(), intervals(), st.integers(0, LENGTH), st.integers(0, LENGTH))
def test_a_stretch_is_classified_as_the_whole_contig_is(genes, exons, repeats, one, other):
    start, end = sorted((one, other))
    found = BaseClasses(genes, exons, {"repeats": repeats})(Interval("1", start, end))
    whole = gene_partition(genes, exons, LENGTH) | {"repeats": covered(repeats, LENGTH)}
    assert list(found) == ["exons", "introns", "intergenic", "repeats"]
    for name, flags in found.items():
        np.testing.assert_array_equal(flags, whole[name][start:end])


def test_other_contigs_do_not_count():
    found = BaseClasses([Interval("1", 0, 10)], [Interval("1", 2, 4)])(Interval("2", 0, 10))
    assert found["intergenic"].all()


def test_without_genes_there_are_only_the_given_classes():
    assert list(BaseClasses(others={"x": []})(Interval("1", 0, 3))) == ["x"]
