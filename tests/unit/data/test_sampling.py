from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cistron.data.build import build_corpus
from cistron.data.sampling import Sampler, WindowLength
from cistron.errors import InputError
from cistron.genome.sequence import reverse_complement
from cistron.tokenizers.nucleotide import NucleotideTokenizer

TOKENIZER = NucleotideTokenizer()


def sampler(*corpora, lengths=(10,), **options) -> Sampler:
    listed = [each if isinstance(each, WindowLength) else WindowLength(each) for each in lengths]
    return Sampler(corpora, TOKENIZER, listed, **{"tokens": 40, "seed": 1} | options)


@pytest.fixture
def two(corpus_of, random_bases):
    return corpus_of(random_bases(500, 1), random_bases(300, 2))


@pytest.mark.parametrize("pack", [False, True])
def test_a_batch_depends_on_seed_and_step_alone(two, pack):
    first, second = (sampler(two, lengths=(10, 25), pack_documents=pack, tokens=100) for _ in range(2))
    expected = [first(step).input_ids for step in range(6)]
    for step in (4, 0, 3, 3, 1, 2, 5):
        assert np.array_equal(second(step).input_ids, expected[step])
        assert expected[step].shape == (first.rows(step), first.length(step))
        assert expected[step].dtype == np.int64
    other = sampler(two, lengths=(10, 25), pack_documents=pack, tokens=100, seed=2)
    assert any(not np.array_equal(other(step).input_ids, expected[step]) for step in range(6))
    assert len({ids.tobytes() for ids in expected}) == 6


@pytest.mark.parametrize("pack", [False, True])
def test_any_slice_of_a_batch_is_its_rows(corpus_of, random_bases, pack):
    corpus = corpus_of(random_bases(300, 1) + "N" * 90 + random_bases(100, 2), longest_gap=200)
    draw = sampler(corpus, tokens=1000, pack_documents=pack)
    for step in range(3):
        whole = draw(step)
        for rows in (slice(0, 25), slice(25, 50), slice(50, 75), slice(75, 100), slice(98, 300), slice(5, 6)):
            part = draw(step, rows)
            assert np.array_equal(part.input_ids, whole.input_ids[rows])
            if pack:
                assert np.array_equal(part.document_ids, whole.document_ids[rows])
            assert draw.places(step, rows) == draw.places(step)[rows]
    assert draw(0, slice(7, 7)).input_ids.shape == (0, 10)


def test_windows_lie_where_they_are_said_to_half_of_them_reverse_complemented(corpus_of, random_bases):
    texts = {"c0": random_bases(2000, 1), "c1": random_bases(1000, 2)}
    draw = sampler(corpus_of(*texts.values(), shard_bytes=64), lengths=(24,), tokens=24 * 600)
    batch, strands = draw(0), Counter()
    assert batch.document_ids is None
    for ids, (place,) in zip(batch.input_ids, draw.places(0), strict=True):
        bases = texts[place.chrom][place.start : place.end]
        assert TOKENIZER.decode(ids) == (bases if place.strand == "+" else reverse_complement(bases))
        assert place.name == "corpus"
        strands[place.strand] += 1
    assert 250 < strands["+"] < 350  # 300 ± 4 standard deviations


@pytest.mark.parametrize(("share", "strands"), [(0.0, {"+"}), (1.0, {"-"})])
@pytest.mark.parametrize("pack", [False, True])
def test_the_share_of_reverse_complements_can_be_set(two, share, strands, pack):
    draw = sampler(two, tokens=500, reverse_share=share, pack_documents=pack)
    assert {place.strand for places in draw.places(0) for place in places} == strands


def test_every_start_is_drawn_alike_and_short_stretches_never(corpus_of):
    corpus = corpus_of("A" * 109 + "C", "G" * 9, "ACGTACGTAC")  # 101, 0 and 1 windows
    draw = sampler(corpus, tokens=10 * 4080, reverse_share=0.0)
    counts = Counter((place.chrom, place.start) for (place,) in draw.places(0))
    assert set(counts) == {("c0", start) for start in range(101)} | {("c2", 0)}
    assert 15 <= min(counts.values()) <= max(counts.values()) <= 68  # 40 expected, 4.2 standard deviations


def test_shares_of_windows_follow_the_weights_not_those_of_tokens(corpus_of, random_bases):
    corpus = corpus_of(random_bases(3000, 1))
    weighted = [WindowLength(8, 3.0), WindowLength(32, 3.0), WindowLength(128, 3.0), WindowLength(1000, 1.0)]
    draw = sampler(corpus, lengths=weighted, tokens=256)
    windows: Counter[int] = Counter()
    for step in range(20_000):
        windows[draw.length(step)] += draw.rows(step)
    assert draw.rows(next(s for s in range(20_000) if draw.length(s) == 1000)) == 1
    total = sum(windows.values())
    for each in weighted:
        assert windows[each.length] / total == pytest.approx(each.weight / 10, abs=0.03)


def test_sources_are_drawn_by_their_weights(fasta, tmp_path, random_bases):
    sources = [fasta({"x": random_bases(900, 1)}), fasta({"x": random_bases(100, 2)}, "b.fa")]
    both = build_corpus(sources, tmp_path / "both")
    other = build_corpus([fasta({"y": random_bases(50, 3)}, "c.fa")], tmp_path / "other")

    def shares(*corpora, weights):
        draw = sampler(*corpora, tokens=10 * 4000, weights=weights)
        names = Counter(place.name for (place,) in draw.places(0))
        return [names[name] / 4000 for name in "abc"]

    assert shares(both, weights=[1, 3]) == pytest.approx([0.25, 0.75, 0], abs=0.03)
    assert shares(both, weights=None) == pytest.approx([891 / 982, 91 / 982, 0], abs=0.03)
    assert shares(both, other, weights=[1, 1]) == pytest.approx([0.454, 0.046, 0.5], abs=0.03)
    assert shares(both, other, weights=[0, 1, 1]) == pytest.approx([0, 0.5, 0.5], abs=0.03)
    with pytest.raises(InputError, match="4 weights are given for 2 corpora with 3 sources"):
        shares(both, other, weights=[1, 1, 1, 1])
    with pytest.raises(InputError, match="not be negative"):
        shares(both, weights=[1, -1])


def test_a_source_without_a_long_window_leaves_its_share_to_the_others(fasta, tmp_path, random_bases):
    sources = [fasta({"x": random_bases(50, 1)}), fasta({"x": random_bases(500, 2)}, "b.fa")]
    draw = sampler(build_corpus(sources, tmp_path / "both"), lengths=(100,), tokens=5000, weights=[9, 1])
    assert {place.name for (place,) in draw.places(0)} == {"b"}


@pytest.mark.parametrize("pack", [False, True])
def test_windows_far_from_genes_are_not_drawn(fasta, tmp_path, random_bases, pack):
    (tmp_path / "genes.bed").write_text("x\t400\t420\nx\t900\t1100\ny\t100\t101\n")
    contigs = {"x": random_bases(1000, 1), "y": random_bases(300, 2), "z": random_bases(300, 3)}
    corpus = build_corpus([fasta(contigs, annotation=str(tmp_path / "genes.bed"))], tmp_path / "corpus")
    draw = sampler(corpus, lengths=[WindowLength(10, gene_distance=30)], tokens=20_000, pack_documents=pack)
    genes = {"x": [(400, 420), (900, 1000)], "y": [(100, 101)], "z": []}

    def distance(place) -> int:
        return min(
            (max(start - place.end, place.start - end, 0) for start, end in genes[place.chrom]), default=99
        )

    found = Counter(min(map(distance, places)) for places in draw.places(0))
    assert max(found) <= 30
    assert found[0] > found[20] > 0
    if not pack:
        assert found[30] > 0
        starts = {place.start for (place,) in draw.places(0) if place.chrom == "y"}
        assert (min(starts), max(starts)) == (60, 131)


def test_a_distance_to_genes_needs_an_annotation_and_a_gene(fasta, tmp_path, random_bases, corpus_of):
    near = [WindowLength(10, gene_distance=5)]
    with pytest.raises(InputError, match=r"source 'corpus' of .* has no annotation"):
        sampler(corpus_of(random_bases(100, 1)), lengths=near)
    (tmp_path / "genes.bed").write_text("x\t0\t4\n")
    contigs = {"x": "ACGTA", "y": random_bases(100, 1)}
    corpus = build_corpus([fasta(contigs, annotation=str(tmp_path / "genes.bed"))], tmp_path / "genes")
    with pytest.raises(InputError, match="no window of 10 tokens lies within 5 bp of a gene"):
        sampler(corpus, lengths=near)


def test_no_window_is_mostly_n(corpus_of, random_bases):
    corpus = corpus_of(random_bases(200, 4) + "N" * 400 + random_bases(200, 5), longest_gap=500)
    batch = sampler(corpus, lengths=(40,), tokens=16_000)(0)
    unknown = (batch.input_ids == TOKENIZER.encode("N")[0]).sum(1)
    assert 0 < unknown.max() <= 20


def test_a_corpus_that_is_nearly_all_n_is_refused_rather_than_searched_forever(corpus_of):
    corpus = corpus_of("A" + "N" * 900 + "A")
    with pytest.raises(InputError, match="hardly any window of 10 tokens"):
        sampler(corpus)(0)


def test_a_corpus_without_room_for_a_window_is_refused(corpus_of):
    corpus = corpus_of("ACGTACGTA", "ACG")
    with pytest.raises(InputError, match="no stretch of the corpus is as long as a window of 10 tokens; the"):
        sampler(corpus)


@pytest.mark.parametrize(
    "options",
    [
        {"tokens": 0},
        {"reverse_share": 1.5},
        {"lengths": ()},
        {"lengths": (0,)},
        {"lengths": [WindowLength(9, 0.0)]},
    ],
)
def test_numbers_out_of_range_are_refused(two, options):
    with pytest.raises(InputError, match=r"must be|needs at least"):
        sampler(two, **options)


def test_one_corpus_serves_any_tokenizer(two):
    class Other(NucleotideTokenizer):
        @property
        def nucleotide_ids(self):
            return {"A": 65, "C": 67, "G": 71, "T": 84}

        def encode(self, sequence):
            return np.frombuffer(sequence.encode(), dtype=np.uint8).astype(np.int64)

    listed = [WindowLength(10)]
    one, other = (Sampler([two], kind, listed, tokens=40, seed=1)(3) for kind in (TOKENIZER, Other()))
    for ids, octets in zip(one.input_ids, other.input_ids, strict=True):
        assert TOKENIZER.decode(ids) == bytes(octets.tolist()).decode()
