from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import InputError, OutOfBoundsError
from cistron.genome import Interval
from cistron.genome.annotation import covered, gene_partition

LENGTH = 60


@st.composite
def intervals(draw: st.DrawFn) -> list[Interval]:
    pairs = draw(st.lists(st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)), max_size=6))
    return [Interval("1", min(pair), max(pair)) for pair in pairs]


@given(intervals())
def test_a_base_is_covered_when_any_interval_holds_it(spans: list[Interval]) -> None:
    wanted = [any(span.start <= base < span.end for span in spans) for base in range(LENGTH)]
    assert covered(spans, LENGTH).tolist() == wanted


@given(intervals(), intervals())
def test_every_base_is_an_exon_an_intron_or_intergenic_and_only_one_of_them(
    genes: list[Interval], exons: list[Interval]
) -> None:
    parts = gene_partition(genes, exons, LENGTH)
    assert (np.sum(list(parts.values()), axis=0) == 1).all()
    assert (parts["exons"] == covered(exons, LENGTH)).all()
    assert not (parts["introns"] & ~covered(genes, LENGTH)).any()


def test_an_interval_beyond_the_contig_names_itself_as_samtools_would() -> None:
    with pytest.raises(OutOfBoundsError, match="1:51-61 is not in a contig of 60 bp"):
        covered([Interval("1", 50, 61)], LENGTH)


def test_intervals_of_two_contigs_are_not_mixed() -> None:
    with pytest.raises(InputError, match="not for 1, 2"):
        covered([Interval("1", 0, 1), Interval("2", 0, 1)], LENGTH)
