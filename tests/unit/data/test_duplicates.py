from __future__ import annotations

import numpy as np
import pytest

from cistron.data.build import build_corpus
from cistron.data.duplicates import LEAST, WORD, WORDS, smallest, word_hashes
from cistron.data.letters import codes_of
from cistron.genome.sequence import reverse_complement


@pytest.fixture
def left_of(fasta, tmp_path):
    """Usable stretches of the contigs of a second source, after deduplication against a first one."""

    def build(first: str, *second: str, **options: object) -> list[list[list[int]]]:
        contigs = {f"c{number}": text for number, text in enumerate(second)}
        sources = [fasta({"x": first}, "first.fa"), fasta(contigs, "second.fa")]
        corpus = build_corpus(sources, tmp_path / "corpus", deduplicate=True, **options)
        assert corpus.sources[0].duplicates == 0
        second_source = corpus.sources[1]
        unknown = sum(second_source.letters.values())
        assert second_source.usable == second_source.bases - second_source.duplicates - unknown
        return [contig.stretches.tolist() for contig in corpus.contigs[1:]]

    return build


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize("place", [0, 1, 2111, 150_000])
def test_a_duplicate_is_left_out_to_the_base_on_either_strand(left_of, random_bases, strand, place):
    first = random_bases(160_000, 1)
    shared = first[place : place + 1500]
    if strand == "-":
        shared = reverse_complement(shared)
    before, behind = random_bases(70_000, 2), random_bases(900, 3)
    text = f"{before}N{shared}N{behind}"
    assert left_of(first, text, longest_gap=0) == [[[0, 70_000], [71_502, 72_402]]]


@pytest.mark.parametrize(("length", "kept"), [(LEAST - 1, True), (LEAST, False)])
def test_the_least_length_is_exact(left_of, random_bases, length, kept):
    shared = random_bases(length, 4)
    first = random_bases(3000, 5) + "N" + shared + "N" + random_bases(3000, 6)
    stretches = left_of(first, random_bases(2000, 7) + "N" + shared, longest_gap=0)
    expected = [[0, 2000], [2001, 2001 + length]] if kept else [[0, 2000]]
    assert stretches == [expected]


def test_one_base_that_differs_ends_a_duplicate(left_of, random_bases):
    first = random_bases(5000, 8)
    swapped = first[:2500] + {"A": "C"}.get(first[2500], "A") + first[2501:]
    assert left_of(first, swapped) == [[[2500, 2501]]]


def test_repeats_within_a_source_stay(left_of, random_bases):
    unit = random_bases(2000, 9)
    assert left_of(random_bases(3000, 10), unit + unit, unit) == [[[0, 4000]], [[0, 2000]]]


def test_a_duplicate_of_something_that_was_excluded_stays(fasta, random_bases, tmp_path):
    text = random_bases(4000, 11)
    (tmp_path / "drop.bed").write_text("x\t0\t3500\n")
    sources = [fasta({"x": text}, exclude=str(tmp_path / "drop.bed")), fasta({"y": text}, "b.fa")]
    corpus = build_corpus(sources, tmp_path / "corpus", deduplicate=True)
    assert corpus.contigs[1].stretches.tolist() == [[0, 4000]]


def test_tandem_repeats_do_not_flood_the_memory():
    same = np.full(20_000, 7, dtype=np.uint64)
    assert len(smallest(same)) < 4 * len(same) / WORDS


def test_every_window_of_hashes_has_its_smallest_one_chosen(random_bases):
    hashes = word_hashes(codes_of(random_bases(6000, 13).encode()))
    chosen = set(smallest(hashes).tolist())
    expected = {
        start + int(np.argmin(hashes[start : start + WORDS])) for start in range(len(hashes) - WORDS + 1)
    }
    assert chosen == expected


def test_a_word_and_its_reverse_complement_have_one_hash(random_bases):
    text = random_bases(2000, 12)
    hashes = word_hashes(codes_of(text.encode()))
    assert len(hashes) == 2000 - WORD + 1
    assert np.array_equal(word_hashes(codes_of(reverse_complement(text).encode()))[::-1], hashes)
    assert len(np.unique(hashes)) == len(hashes)
    changed = word_hashes(codes_of((text[:1000] + "N" + text[1001:]).encode()))
    assert np.array_equal(np.flatnonzero(changed != hashes), np.arange(1000 - WORD + 1, 1001))
