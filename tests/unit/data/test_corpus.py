from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cistron.data.corpus import Contig, Corpus, Source, WindowSampler, complement_table, read_corpus
from cistron.errors import CistronError, InputError
from cistron.tokenizers.nucleotide import NucleotideTokenizer

TOKENIZER = NucleotideTokenizer()
PAIRS = str.maketrans("ACGTN", "TGCAN")


def random_text(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("AACGT"), length))


@pytest.fixture
def make_source(tmp_path: Path):
    """Writes contigs into a FASTA and returns it as a source."""

    def make(name: str = "a.fa", locations: str | None = None, **contigs: str) -> Source:
        text = "".join(f">{contig}\n{bases}\n" for contig, bases in contigs.items())
        (tmp_path / name).write_text(text)
        if locations is None:
            return Source(str(tmp_path / name))
        (tmp_path / "where.tsv").write_text(locations)
        return Source(str(tmp_path / name), str(tmp_path / "where.tsv"))

    return make


def corpus_of(*texts: str) -> Corpus:
    contigs = [Contig(str(i), TOKENIZER.encode(text).astype(np.uint8)) for i, text in enumerate(texts)]
    return Corpus(tuple(contigs), "")


def sampler(corpus: Corpus, **options) -> WindowSampler:
    return WindowSampler(corpus, TOKENIZER, **{"length": 10, "batch": 4, "seed": 1} | options)


def test_a_corpus_is_the_ids_of_all_contigs_in_source_order(make_source):
    corpus = read_corpus([make_source("a.fa", x="ACGTN", y="ggg"), make_source("b.fa", z="TT")], TOKENIZER)
    assert [contig.name for contig in corpus.contigs] == ["x", "y", "z"]
    assert [TOKENIZER.decode(contig.ids) for contig in corpus.contigs] == ["ACGTN", "GGG", "TT"]
    assert corpus.num_bases == 10


def test_the_hash_is_that_of_names_lengths_and_ids_and_of_nothing_else(make_source):
    corpus = read_corpus([make_source("a.fa", x="ACGTN", y="GGG")], TOKENIZER)
    expected = hashlib.sha256()
    for name, text in (("x", "ACGTN"), ("y", "GGG")):
        expected.update(f"{name}\t{len(text)}\n".encode() + bytes(TOKENIZER.encode(text).tolist()))
    assert corpus.sha256 == expected.hexdigest()
    assert read_corpus([make_source("other.fa", x="acgtn", y="ggg")], TOKENIZER).sha256 == corpus.sha256
    assert read_corpus([make_source("a.fa", x="ACGTG", y="GGG")], TOKENIZER).sha256 != corpus.sha256


@pytest.mark.parametrize(
    ("held_out", "contig"),
    [("20", "20"), ("20", "chr20"), ("chr20", "20"), ("20", "NC_000020.11"), ("MT", "chrM")],
)
def test_a_held_out_chromosome_is_refused_by_any_of_its_names(make_source, held_out, contig):
    source = make_source(**{"1": "ACGT", contig: "ACGT"})
    with pytest.raises(InputError, match=f"a.fa holds contig {contig}, which is held out"):
        read_corpus([source], TOKENIZER, [held_out])


def test_loci_of_held_out_chromosomes_are_left_out(make_source):
    table = "lrg\tchrom\nL1\t20\nL2\t7\nL3\t7\nL3\tchr20\n"
    source = make_source(locations=table, L1="AAAA", L2="CCCC", L3="GGGG", L4="TTTT")
    kept = read_corpus([source], TOKENIZER, ["20"])
    assert [contig.name for contig in kept.contigs] == ["L2", "L4"]


def test_a_corpus_of_which_nothing_is_left_is_refused(make_source):
    source = make_source(locations="lrg\tchrom\nL1\t20\n", L1="AAAA")
    with pytest.raises(InputError, match="every contig of its sources is held out"):
        read_corpus([source], TOKENIZER, ["20"])


def test_a_table_of_locations_that_cannot_be_used_is_refused(make_source, tmp_path):
    with pytest.raises(InputError, match=r"where\.tsv' has no column 'lrg'"):
        read_corpus([make_source(locations="name\tchrom\nL1\t20\n", L1="AAAA")], TOKENIZER, ["20"])
    missing = Source(make_source(L1="AAAA").fasta, str(tmp_path / "none.tsv"))
    with pytest.raises(InputError, match=r"none\.tsv' cannot be read: No such file"):
        read_corpus([missing], TOKENIZER, ["20"])


def test_environment_variables_in_paths_are_expanded(make_source, tmp_path, monkeypatch):
    make_source("a.fa", x="ACGT")
    monkeypatch.setenv("SOMEWHERE", str(tmp_path))
    assert read_corpus([Source("$SOMEWHERE/a.fa")], TOKENIZER).num_bases == 4


def test_a_source_that_is_not_there_is_the_callers_to_fix(tmp_path):
    with pytest.raises(CistronError, match=r"none\.fa"):
        read_corpus([Source(str(tmp_path / "none.fa"))], TOKENIZER)


def test_a_batch_depends_on_seed_and_step_alone():
    corpus = corpus_of(random_text(500, 1), random_text(300, 2))
    first, second = sampler(corpus), sampler(corpus)
    expected = [first(step) for step in range(5)]
    assert all(np.array_equal(second(step), expected[step]) for step in (4, 0, 3, 3, 1, 2))
    assert not np.array_equal(expected[0], expected[1])
    assert not np.array_equal(sampler(corpus, seed=2)(0), expected[0])
    assert expected[0].shape == (4, 10)
    assert expected[0].dtype == np.int64


def test_windows_are_stretches_of_the_corpus_half_of_them_reverse_complemented():
    texts = [random_text(2000, 1), random_text(1000, 2)]
    batch = sampler(corpus_of(*texts), length=24, batch=600)(0)
    forward = 0
    for row in batch:
        window = TOKENIZER.decode(row)
        straight = any(window in text for text in texts)
        assert straight or any(window.translate(PAIRS)[::-1] in text for text in texts)
        forward += straight
    assert 250 < forward < 350  # 300 ± 4 standard deviations


@pytest.mark.parametrize(("share", "strand"), [(0.0, True), (1.0, False)])
def test_the_share_of_reverse_complements_can_be_set(share, strand):
    text = random_text(1000, 3)
    batch = sampler(corpus_of(text), length=30, batch=50, reverse_share=share)(0)
    assert {TOKENIZER.decode(row) in text for row in batch} == {strand}


def test_every_position_is_drawn_alike_and_short_contigs_never():
    texts = ["A" * 109 + "C", "G" * 9, "ACGTACGTAC"]  # 101, 0 and 1 windows
    batch = sampler(corpus_of(*texts), batch=2000, reverse_share=0.0)(0)
    windows = [TOKENIZER.decode(row) for row in batch]
    assert set(windows) == {"A" * 10, "A" * 9 + "C", "ACGTACGTAC"}
    for rare in ("A" * 9 + "C", "ACGTACGTAC"):
        assert 4 <= windows.count(rare) <= 45  # 2000 / 102 = 20 expected


def test_no_window_is_mostly_n():
    text = random_text(200, 4) + "N" * 400 + random_text(200, 5)
    batch = sampler(corpus_of(text), length=40, batch=400)(0)
    unknown = (batch == TOKENIZER.encode("N")[0]).sum(1)
    assert 0 < unknown.max() <= 20


def test_a_corpus_without_room_for_a_window_is_refused():
    with pytest.raises(InputError, match="no contig of the corpus is as long as a window of 10 tokens"):
        sampler(corpus_of("ACGTACGTA", "ACG"))


def test_a_corpus_of_ns_is_refused_rather_than_searched_forever():
    with pytest.raises(InputError, match="hardly any window of 10 tokens"):
        sampler(corpus_of("N" * 100), batch=1)(0)


def test_the_complement_of_ids_is_that_of_bases_and_leaves_the_rest():
    table = complement_table(TOKENIZER)
    assert TOKENIZER.decode(table[TOKENIZER.encode("ACGTN")]) == "TGCAN"
    others = sorted(set(range(TOKENIZER.vocab_size)) - set(TOKENIZER.encode("ACGT").tolist()))
    assert table[others].tolist() == others
