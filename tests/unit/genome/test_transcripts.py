"""Transcripts: phases, what a change touches, what lies around a place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.genome.transcripts import (
    NEIGHBOURHOOD,
    Transcript,
    TranscriptIndex,
    region_terms,
    tss_distance,
)


def coding(strand: str = "+", **more: int) -> Transcript:
    exons, cds = ((100, 200), (300, 400), (500, 600)), ((150, 200), (300, 400), (500, 551))
    return Transcript("T", "G", "S", "protein_coding", "1", strand, exons, cds, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("strand", "phases"), [("+", [0, 1, 0]), ("-", [2, 0, 0])])
def test_phases_follow_from_the_first_part_in_reading_direction(strand: str, phases: list[int]):
    assert coding(strand).phases() == phases


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 2), st.sampled_from("+-"))
def test_codons_run_on_across_parts(lengths: list[int], phase: int, strand: str):
    parts, at = [], 0
    for length in lengths:
        parts.append((at, at + length))
        at += length + 10
    cds = tuple(parts)
    one = Transcript("T", "G", "S", "", "1", strand, cds, cds, phase)  # type: ignore[arg-type]
    ordered = list(zip(cds, one.phases(), strict=True))[:: 1 if strand == "+" else -1]
    read = 0
    for (start, end), found in ordered:
        assert (read + found - phase) % 3 == 0
        read += end - start


@pytest.mark.parametrize(("start", "end"), [(199, 201), (200, 200)])
def test_a_change_at_an_edge_belongs_to_both_sides(start: int, end: int):
    assert region_terms(coding(), start, end) == {"coding_sequence_variant", "intron_variant"}


@pytest.mark.parametrize(
    ("at", "terms"),
    [
        (250, {"intron_variant"}),
        (150, {"5_prime_UTR_variant", "coding_sequence_variant"}),
        (100, {"upstream_gene_variant"}),
        (600, {"downstream_gene_variant"}),
    ],
)
def test_an_insertion_lies_somewhere(at: int, terms: set[str]):
    assert region_terms(coding(), at, at) == terms


@pytest.mark.parametrize(("strand", "term"), [("+", "upstream"), ("-", "downstream")])
def test_the_neighbourhood_ends_after_so_many_bases(strand: str, term: str):
    one = Transcript("T", "G", "S", "", "1", strand, ((9_000, 9_100),))  # type: ignore[arg-type]
    first = 9_000 - NEIGHBOURHOOD
    assert region_terms(one, first, first + 1) == {f"{term}_gene_variant"}
    assert region_terms(one, first - 1, first) == set()


def test_distance_is_nought_where_the_start_is_touched():
    assert tss_distance(coding(), 95, 105) == 0
    assert tss_distance(coding("-"), 595, 605) == 0
    assert tss_distance(coding("-"), 610, 611) == -11


def test_the_index_finds_what_a_plain_search_finds():
    draw = random.Random(0)
    transcripts = []
    for number in range(200):
        start = draw.randrange(0, 900_000)
        exons = ((start, start + draw.choice([50, 5_000, 200_000])),)
        transcripts.append(Transcript(f"T{number}", "G", "S", "", draw.choice("12"), "+", exons))
    index = TranscriptIndex(transcripts)
    for _ in range(200):
        chrom, start = draw.choice("12"), draw.randrange(0, 1_100_000)
        end = start + draw.choice([0, 1, 300])
        touched = [
            n for n, one in enumerate(transcripts) if one.chrom == chrom and region_terms(one, start, end)
        ]
        assert set(touched) <= set(index.around(chrom, start, end))
        nearest = index.nearest(chrom, start, end)
        assert nearest is not None
        own = [abs(tss_distance(one, start, end)) for one in transcripts if one.chrom == chrom]
        assert abs(tss_distance(nearest, start, end)) == min(own)


def test_a_contig_without_transcripts_has_no_nearest():
    assert TranscriptIndex([]).nearest("1", 5, 6) is None
