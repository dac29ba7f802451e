from __future__ import annotations

import pytest

from cistron.data.corpus import Source, read_source, read_source_table
from cistron.errors import CistronError, InputError

TABLE = "lrg\tchrom\nL1\t20\nL2\t7\nL3\t7\nL3\tchr20\n"
LOCI = {"L1": "AAAA", "L2": "CCCC", "L3": "GGGG", "L4": "TTTT"}


@pytest.mark.parametrize(
    ("held_out", "contig"),
    [
        ("20", "20"),
        ("20", "chr20"),
        ("chr20", "20"),
        ("20", "NC_000020.11"),
        ("MT", "chrM"),
        ("20:3-4", "20"),
    ],
)
def test_a_held_out_chromosome_is_refused_by_any_of_its_names(fasta, held_out, contig):
    source = fasta({"1": "ACGT", contig: "ACGT"})
    with pytest.raises(InputError, match=f"a.fa holds contig {contig}, which is held out"):
        list(read_source(source, [held_out]))


def test_loci_of_held_out_chromosomes_are_left_out(fasta, tmp_path):
    (tmp_path / "where.tsv").write_text(TABLE)
    source = fasta(LOCI, locations=str(tmp_path / "where.tsv"))
    assert list(read_source(source, ["20"])) == [("L2", "CCCC"), ("L4", "TTTT")]
    assert len(list(read_source(source))) == 4


def test_a_table_of_locations_that_cannot_be_used_is_refused(fasta, tmp_path):
    (tmp_path / "where.tsv").write_text("name\tchrom\nL1\t20\n")
    with pytest.raises(InputError, match=r"where\.tsv' has no column 'lrg'"):
        list(read_source(fasta(LOCI, locations=str(tmp_path / "where.tsv"))))
    with pytest.raises(InputError, match=r"none\.tsv' cannot be read: No such file"):
        list(read_source(fasta(LOCI, locations=str(tmp_path / "none.tsv"))))


def test_environment_variables_in_paths_are_expanded(fasta, tmp_path, monkeypatch):
    fasta({"x": "ACGT"})
    monkeypatch.setenv("SOMEWHERE", str(tmp_path))
    assert list(read_source(Source("$SOMEWHERE/a.fa"))) == [("x", "ACGT")]


def test_a_source_that_is_not_there_is_the_callers_to_fix(tmp_path):
    with pytest.raises(CistronError, match=r"none\.fa"):
        list(read_source(Source(str(tmp_path / "none.fa"))))


def test_a_table_lists_sources_with_their_filters(tmp_path):
    path = tmp_path / "sources.tsv"
    path.write_text("name\tfasta\texclude\nfirst\ta.fa\t\nsecond\tb.fa.gz\tmask.bed\n")
    expected = [Source("a.fa", name="first"), Source("b.fa.gz", name="second", exclude="mask.bed")]
    assert read_source_table(path) == expected


@pytest.mark.parametrize(
    "text", ["", "name\tpath\nx\ta.fa\n", "fasta\n", "fasta\tcolour\na.fa\tred\n", "fasta\tname\n\tx\n"]
)
def test_a_table_that_lists_no_sources_is_refused(tmp_path, text):
    (tmp_path / "sources.tsv").write_text(text)
    with pytest.raises(InputError, match="table of sources"):
        read_source_table(tmp_path / "sources.tsv")
