from __future__ import annotations

import pytest

from cistron.data.build import Source, build_corpus
from cistron.errors import InputError, OutputError, ResumeError


def stretches(corpus, contig=0):
    return corpus.contigs[contig].stretches.tolist()


def test_contigs_keep_the_order_of_sources_and_their_coordinates(fasta, text_of, tmp_path):
    first, second = fasta({"x": "ACGTN", "y": "ggg"}), fasta({"x": "TT"}, "b.fa.gz", assembly="hg19")
    corpus = build_corpus([first, second], tmp_path / "corpus")
    assert [(each.name, each.source, each.length) for each in corpus.contigs] == [
        ("x", 0, 5),
        ("y", 0, 3),
        ("x", 1, 2),
    ]
    assert [text_of(corpus, number) for number in range(3)] == ["ACGTN", "GGG", "TT"]
    assert [(source.name, source.assembly) for source in corpus.sources] == [("a", None), ("b", "hg19")]


def test_sources_of_one_name_are_numbered(fasta, tmp_path):
    again, versioned = fasta({"x": "ACGT"}, "a.fa.gz"), fasta({"x": "ACGT"}, "GCF_1.4_v2.fna.gz")
    corpus = build_corpus([fasta({"x": "ACGT"}), again, versioned, again], tmp_path / "corpus")
    assert [source.name for source in corpus.sources] == ["a", "a-2", "GCF_1.4_v2", "a-3"]


def test_the_identity_is_that_of_the_contents(fasta, tmp_path):
    def sha256(bases: str, name: str = "a.fa", contig: str = "x") -> str:
        folder = tmp_path / f"corpus{len(list(tmp_path.iterdir()))}"
        return build_corpus([fasta({contig: bases}, name)], folder).sha256

    same = sha256("ACGTNACGT")
    assert sha256("acgtnacgt", "other.fa.gz") == same
    others = [sha256("ACGTNACGA"), sha256("ACGTRACGT"), sha256("ACGTNACGTA"), sha256("ACGTNACGT", contig="y")]
    assert len({same, *others}) == 5


def test_long_gaps_end_stretches_and_short_ones_stay(corpus_of):
    text = "NN" + "ACGT" + "NNN" + "ACGT" + "NNRN" + "ACGT" + "N"
    corpus = corpus_of(text, longest_gap=3)
    assert stretches(corpus) == [[2, 13], [17, 21]]
    assert stretches(corpus_of(text, folder="other", longest_gap=4)) == [[2, 21]]


def test_unknown_letters_are_masked_and_counted(corpus_of, text_of):
    corpus = corpus_of("ACGTRRN*ACuGT", longest_gap=0)
    assert text_of(corpus, 0) == "ACGTNNNNACNGT"
    assert corpus.sources[0].letters == {"R": 2, "N": 1, "*": 1, "U": 1}
    assert stretches(corpus) == [[0, 4], [8, 10], [11, 13]]


def test_filters_keep_and_drop_stretches(fasta, tmp_path):
    (tmp_path / "keep.bed").write_text("chr1\t2\t12\n1\t20\t99\n9\t0\t5\n")
    (tmp_path / "drop.bed").write_text("1\t4\t6\n")
    source = fasta(
        {"1": "ACGTA" * 6, "2": "ACGT"},
        include=str(tmp_path / "keep.bed"),
        exclude=str(tmp_path / "drop.bed"),
    )
    corpus = build_corpus([source], tmp_path / "corpus")
    assert stretches(corpus) == [[2, 4], [6, 12], [20, 30]]
    assert stretches(corpus, 1) == []
    assert corpus.sources[0].usable == 18


def test_a_filter_of_another_assembly_is_refused_but_may_serve_one_of_several(fasta, tmp_path):
    (tmp_path / "keep.bed").write_text("scaffold_7\t2\t12\n")
    sources = [fasta({"1": "ACGT" * 5}, include=str(tmp_path / "keep.bed"))]
    with pytest.raises(InputError, match=r"keep\.bed names contigs such as scaffold_7 and nothing on those"):
        build_corpus(sources, tmp_path / "corpus")
    sources.append(fasta({"scaffold_7": "ACGT" * 5}, "b.fa", include=str(tmp_path / "keep.bed")))
    assert build_corpus(sources, tmp_path / "corpus").sources[1].usable == 10


def test_genes_are_kept_in_coordinates_of_the_contig(fasta, tmp_path):
    (tmp_path / "genes.gtf").write_text('chr1\tx\tgene\t3\t5\t.\t+\t.\tgene_id "a";\n')
    corpus = build_corpus([fasta({"1": "ACGTACGT"}, annotation=str(tmp_path / "genes.gtf"))], tmp_path / "c")
    assert corpus.contigs[0].genes.tolist() == [[2, 5]]


@pytest.mark.parametrize("region", ["20", "chr20:3-4"])
def test_a_source_with_held_out_bases_is_refused_unless_told(fasta, tmp_path, region):
    source = fasta({"1": "ACGT", "chr20": "ACGTACGT"})
    with pytest.raises(InputError, match=r"a\.fa holds .* bases of contig chr20 that are held out"):
        build_corpus([source], tmp_path / "corpus", held_out=[region])
    assert not (tmp_path / "corpus").exists()
    kept = build_corpus([source], tmp_path / "kept", held_out=[region], allow_held_out=True)
    assert stretches(kept, 1) == [[0, 8]]
    assert (kept.index.held_out, kept.index.held_out_kept) == ((region,), True)
    dropped = build_corpus([source], tmp_path / "dropped", held_out=[region], drop_held_out=True)
    assert stretches(dropped, 1) == ([] if region == "20" else [[0, 2], [4, 8]])


def test_held_out_bases_that_a_filter_drops_are_no_overlap(fasta, tmp_path):
    (tmp_path / "drop.bed").write_text("20\t0\t4\n")
    source = fasta({"20": "ACGTACGT"}, exclude=str(tmp_path / "drop.bed"))
    corpus = build_corpus([source], tmp_path / "corpus", held_out=["chr20:1-4"])
    assert stretches(corpus) == [[4, 8]]


def test_loci_of_held_out_chromosomes_are_not_in_the_corpus(fasta, tmp_path):
    (tmp_path / "where.tsv").write_text("lrg\tchrom\nL1\t20\nL2\t7\n")
    source = fasta({"L1": "AAAA", "L2": "CCCC"}, locations=str(tmp_path / "where.tsv"))
    corpus = build_corpus([source], tmp_path / "corpus", held_out=["chr20"])
    assert [contig.name for contig in corpus.contigs] == ["L2"]
    assert corpus.sources[0].left_out == 1
    (tmp_path / "where.tsv").write_text("lrg\tchrom\nL1\t20\nL2\t20\n")
    with pytest.raises(InputError, match="every contig of its sources is held out"):
        build_corpus([source], tmp_path / "empty", held_out=["20"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a.fa is empty"),
        (">x\n>y\n", "a.fa holds no bases"),
        (">x\nNNNNNNNN\nNNNN\n", "nothing is left to learn from"),
        ("ACGT\n", "a.fa is not FASTA"),
    ],
)
def test_a_fasta_without_bases_is_refused(tmp_path, text, told):
    (tmp_path / "a.fa").write_text(text)
    with pytest.raises(InputError, match=told):
        build_corpus([Source(str(tmp_path / "a.fa"))], tmp_path / "corpus")


def test_a_corpus_of_nothing_and_impossible_numbers_are_refused(fasta, tmp_path):
    with pytest.raises(InputError, match="needs at least one FASTA file"):
        build_corpus([], tmp_path / "corpus")
    with pytest.raises(InputError, match="a shard must have at least one byte"):
        build_corpus([fasta({"x": "ACGT"})], tmp_path / "corpus", shard_bytes=0)
    with pytest.raises(InputError, match="'20:5' has no end"):
        build_corpus([fasta({"x": "ACGT"})], tmp_path / "corpus", held_out=["20:5"])


def test_a_folder_that_holds_something_is_left_alone(fasta, tmp_path):
    source = fasta({"x": "ACGT"})
    build_corpus([source], tmp_path / "corpus")
    with pytest.raises(OutputError, match="already holds a corpus; add --resume"):
        build_corpus([source], tmp_path / "corpus")
    with pytest.raises(OutputError, match="is not empty and holds no corpus"):
        build_corpus([source], tmp_path)
    with pytest.raises(OutputError, match="is not a folder"):
        build_corpus([source], tmp_path / "a.fa")


def test_a_finished_corpus_is_resumed_only_by_the_same_request(fasta, tmp_path):
    source = fasta({"x": "ACGT"})
    corpus = build_corpus([source], tmp_path / "corpus", held_out=["20"])
    again = build_corpus([source], tmp_path / "corpus", held_out=["20"], resume=True)
    assert again.sha256 == corpus.sha256
    with pytest.raises(ResumeError, match="holds a corpus of other held_out and longest_gap"):
        build_corpus([source], tmp_path / "corpus", longest_gap=5, resume=True)
    fasta({"x": "ACGA"})
    with pytest.raises(ResumeError, match="holds a corpus of other sources"):
        build_corpus([source], tmp_path / "corpus", held_out=["20"], resume=True)
