from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import InputError, UnknownContigError
from cistron.genome import Interval
from cistron.genome.splits import OPEN_END, Regions, Split, parse_region

CONTIGS = {"chr20": 5_000, "HLA:01:02": 100}


@pytest.mark.parametrize(
    ("text", "chrom", "start", "end"),
    [
        ("20", "20", 0, OPEN_END),
        ("20:1-1", "20", 0, 1),
        ("20:1,001-2,000", "20", 1_000, 2_000),
        ("20:1001-", "20", 1_000, OPEN_END),
        ("HLA:01:5-9", "HLA:01", 4, 9),
    ],
)
def test_regions_are_read_as_one_based_inclusive(text: str, chrom: str, start: int, end: int) -> None:
    assert parse_region(text) == Interval(chrom, start, end)


def test_known_contigs_resolve_aliases_close_open_ends_and_hold_colons() -> None:
    assert parse_region("20:4,001-9,000", CONTIGS) == Interval("chr20", 4_000, 5_000)
    assert parse_region("chr20:11-", CONTIGS) == Interval("chr20", 10, 5_000)
    assert parse_region("HLA:01:02", CONTIGS) == Interval("HLA:01:02", 0, 100)
    assert parse_region("HLA:01:02:5-6", CONTIGS) == Interval("HLA:01:02", 4, 6)


@pytest.mark.parametrize("text", ["", "20:", "20:0-5", "20:9-5", "20:100", "20:6000-7000"])
def test_what_is_no_region_or_an_empty_one_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="region"):
        parse_region(text, CONTIGS)


def test_an_unknown_contig_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownContigError, match=r"'21'; the contigs are chr20, HLA:01:02"):
        parse_region("21:1-5", CONTIGS)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8))),
    st.integers(0, 40),
    st.integers(0, 10),
)
def test_membership_agrees_with_a_set_of_bases(spans: list[tuple[int, int]], start: int, length: int) -> None:
    regions = Regions(Interval("c", first, first + size) for first, size in spans)
    bases = {base for first, size in spans for base in range(first, first + size)}
    asked = set(range(start, start + max(length, 1)))
    assert regions.contains("c", start, start + length) == (asked <= bases)
    assert regions.overlaps("c", start, start + length) == bool(asked & bases)
    assert {base for part in regions for base in range(part.start, part.end)} == bases
    assert not regions.overlaps("other", start, start + length)


def test_a_split_names_the_part_of_a_stretch_and_refuses_one_that_straddles() -> None:
    split = Split({"validation": [Interval("20", 0, 100)], "test": [Interval("20", 100, 200)]})
    assert split.of("20", 0, 100) == "validation"
    assert split.of("20", 100, 101) == "test"
    assert split.of("20", 99, 101) is None
    assert split.touched("20", 99, 101) == ["validation", "test"]
    assert split.of("20", 200, 201) is None
    assert split.of("X", 5, 6) is None


def test_a_split_with_a_base_in_two_parts_is_refused() -> None:
    with pytest.raises(InputError, match=r"'train' and 'test' of the split overlap in 20:1-100"):
        Split({"train": [Interval("20", 0, 100)], "test": [Interval("20", 99, 200)]})
