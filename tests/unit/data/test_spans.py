from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cistron.data.spans import difference, intersection, merged, total

rows = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda x: (x[0], x[0] + x[1])))


def bases(spans) -> set[int]:
    return {base for start, end in spans for base in range(start, end)}


@given(rows)
def test_merging_keeps_the_bases_and_leaves_no_overlap_or_contact(some):
    spans = merged(some)
    assert bases(spans) == bases(some)
    assert (spans[1:, 0] > spans[:-1, 1]).all()
    assert total(spans) == len(bases(some))


@given(rows, rows)
def test_intersection_and_difference_are_those_of_the_bases(some, others):
    one, other = merged(some), merged(others)
    assert bases(intersection(one, other)) == bases(some) & bases(others)
    assert bases(difference(one, other)) == bases(some) - bases(others)
    assert (difference(one, other)[1:, 0] > difference(one, other)[:-1, 1]).all()
