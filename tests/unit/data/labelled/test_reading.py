"""Labelled items from every kind of file, and what is said of files that are wrong."""

from __future__ import annotations

import gzip

import pysam
import pytest

from cistron.data.labelled import LabelledData
from cistron.data.labelled.reading import read_items
from cistron.errors import CistronError


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\n" + "ACGTTGCA" * 50 + "\n>chr2\n" + "GGGCCCAT" * 50 + "\n")
    pysam.faidx(str(path))
    return path


def items(data, *paths):
    return list(read_items(data, tuple(map(str, paths or data.train)), width=40))


@pytest.mark.parametrize(
    ("name", "between", "packed"), [("a.tsv", "\t", False), ("a.csv", ",", False), ("a.csv.gz", ",", True)]
)
def test_a_table_gives_sequences_labels_groups_and_parts(tmp_path, name, between, packed):
    rows = [
        ["name", "sequence", "label", "gene", "part"],
        ["x", "acgt", "1", "G1", "dev"],
        ["", "GGN", "0", "", "test"],
    ]
    text = "".join(between.join(row) + "\n" for row in rows)
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = items(LabelledData((str(path),), group="gene", split="part"))
    assert [(i.name, i.sequences, i.labels, i.group, i.split) for i in found] == [
        ("x", ("ACGT",), ("1",), "G1", "dev"),
        ("row 2", ("GGN",), ("0",), "", "test"),
    ]


def test_quoted_cells_of_a_csv_file_may_hold_commas(tmp_path):
    (tmp_path / "a.csv").write_text('sequence,label\nACGT,"enhancer, weak"\n')
    (item,) = items(LabelledData((str(tmp_path / "a.csv"),)))
    assert item.labels == ("enhancer, weak",)


def test_fasta_takes_its_labels_from_a_table(tmp_path):
    (tmp_path / "a.fa").write_text(">s1 first\nACGT\nAC\n>s2\nGG\n")
    (tmp_path / "l.tsv").write_text("name\tlabel\ns2\t0\ns1\t1\n")
    found = items(LabelledData((str(tmp_path / "a.fa"),), table=str(tmp_path / "l.tsv")))
    assert [(i.name, i.sequences, i.labels) for i in found] == [
        ("s1", ("ACGTAC",), ("1",)),
        ("s2", ("GG",), ("0",)),
    ]


def test_bed_intervals_are_cut_from_the_reference_on_their_strand(tmp_path, genome):
    (tmp_path / "a.bed").write_text("chr1\t0\t6\ton\t0\t+\n1\t0\t6\toff\t0\t-\n")
    found = items(LabelledData((str(tmp_path / "a.bed"),), reference=str(genome), labels=("name",)))
    assert [(i.sequences[0], i.labels[0], i.place) for i in found] == [
        ("ACGTTG", "on", ("chr1", 0, 6)),
        ("CAACGT", "off", ("chr1", 0, 6)),
    ]


def test_a_width_is_taken_around_the_middle_of_an_interval(tmp_path, genome):
    (tmp_path / "a.bed").write_text("chr1\t100\t110\tx\nchr1\t0\t4\ty\n")
    found = items(LabelledData((str(tmp_path / "a.bed"),), reference=str(genome), labels=("name",), width=20))
    assert [i.place for i in found] == [("chr1", 95, 115), ("chr1", 0, 12)]


VCF = """##fileformat=VCFv4.2
##contig=<ID=1>
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="x">
##INFO=<ID=GENE,Number=1,Type=String,Description="x">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
1\t101\t.\tT\tG\t.\t.\tCLNSIG=Pathogenic;GENE=ABC
1\t102\t.\tG\tGA,GC\t.\t.\tCLNSIG=Benign,Pathogenic
1\t103\t.\tC\tT\t.\t.\tGENE=ABC
1\t104\t.\tA\t<DEL>\t.\t.\tCLNSIG=Benign
"""


def test_alleles_of_a_vcf_give_pairs_of_windows_and_where_they_differ(tmp_path, genome):
    text = genome.read_text().splitlines()[1]
    (tmp_path / "a.vcf").write_text(VCF.replace("\tT\tG\t", f"\t{text[100]}\tN\t").replace("\tN\t", "\tG\t"))
    (tmp_path / "a.vcf").write_text(
        VCF.replace("101\t.\tT", f"101\t.\t{text[100]}")
        .replace("102\t.\tG\tGA,GC", f"102\t.\t{text[101]}\t{text[101]}A,{text[101]}C")
        .replace("104\t.\tA", f"104\t.\t{text[103]}")
    )
    data = LabelledData((str(tmp_path / "a.vcf"),), reference=str(genome), labels=("CLNSIG",), group="GENE")
    found = items(data)
    assert [(i.labels, i.group) for i in found] == [
        (("Pathogenic",), "ABC"),
        (("Benign",), ""),
        (("Pathogenic",), ""),
    ]
    first = found[0]
    (start, end), alt_site = first.sites
    assert (start, end) == alt_site == (20, 21)
    ref, alt = first.sequences
    assert len(ref) == len(alt) == 40
    assert ref == text[80:120]
    assert [at for at in range(40) if ref[at] != alt[at]] == [20]


@pytest.mark.parametrize(
    ("name", "content", "settings", "said"),
    [
        ("a.tsv", "sequence\tclass\nACGT\t1\n", {}, "has no column 'label'; it has class"),
        ("a.tsv", "seq\tlabel\nACGT\t1\n", {}, "has no column 'sequence'"),
        ("a.tsv", "sequence\tlabel\n", {}, "holds no labelled items"),
        ("a.tsv", "sequence\tlabel\nHELLO\t1\n", {}, "which is not DNA"),
        ("a.tsv", "sequence\tlabel\n\t1\n", {}, "the sequence of row 1 is empty"),
        ("a.csv", "sequence,label\nACGT\n", {}, "has 1 cells for 2 columns; cells are separated by commas"),
        ("a.json", "{}", {}, "of no known kind"),
        ("a.fa", ">a\nACGT\n", {}, "has no labels; name their table"),
        ("a.bed", "1\t0\t4\tx\n", {}, "its fourth column"),
        ("a.bed", "1\t0\t4\tx\n", {"labels": ("name",)}, "needs the genome"),
    ],
)
def test_files_that_are_wrong_are_refused_in_one_line(tmp_path, name, content, settings, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(CistronError, match=said) as error:
        items(LabelledData((str(tmp_path / name),), **settings))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name\tlabel\ns1\t1\n", "has no row for the sequence 's2'"),
        ("name\tlabel\ns1\t1\ns2\t0\ns3\t0\n", "has 3 rows, .* has 2 of their sequences"),
    ],
)
def test_sequences_and_labels_must_match(tmp_path, table, said):
    (tmp_path / "a.fa").write_text(">s1\nACGT\n>s2\nGG\n")
    (tmp_path / "l.tsv").write_text(table)
    with pytest.raises(CistronError, match=said):
        items(LabelledData((str(tmp_path / "a.fa"),), table=str(tmp_path / "l.tsv")))
