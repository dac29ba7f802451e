from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.formats.gff import read_gff
from cistron.genome import Interval

GFF3 = """##gff-version 3
##sequence-region chr1 1 5000
chr1\tx\tgene\t11\t20\t.\t-\t.\tID=gene1;Name=PRN%20P;gene=other
chr1\tx\tmRNA\t11\t20\t.\t-\t.\tID=t1;Parent=gene1

chr%7C2\tx\tgene\t1\t1\t.\t?\t.\tID=g2
chr3\tx\tncRNA_gene\t5\t9\t.\t+\t.\tID=g3
##FASTA
>chr1
ACGT
"""
GTF = 'chr1\tHAVANA\tgene\t11\t20\t.\t+\t.\tgene_id "ENSG1.2"; gene_type "x"; gene_name "PRNP"; level 2;\n'


def test_genes_of_gff3_become_half_open_intervals(tmp_path: Path) -> None:
    path = tmp_path / "a.gff3.gz"
    path.write_bytes(gzip.compress(GFF3.encode()))
    assert list(read_gff(path)) == [
        Interval("chr1", 10, 20, "-", "PRN P"),
        Interval("chr|2", 0, 1, "+", "g2"),
    ]
    assert list(read_gff(path, "mRNA")) == [Interval("chr1", 10, 20, "-", "t1")]


def test_genes_of_gtf_have_their_symbol_as_name(tmp_path: Path) -> None:
    (tmp_path / "a.gtf").write_text("#!genome-build GRCh38\r\n" + GTF)
    assert list(read_gff(tmp_path / "a.gtf")) == [Interval("chr1", 10, 20, "+", "PRNP")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1 x gene 1 2 . + . ID=a", r"line 2 has 1 columns; GFF and GTF have 9"),
        ("chr1\tx\tgene\t0\t2\t.\t+\t.\tID=a", "line 2 runs from '0' to '2'"),
        ("chr1\tx\tgene\t3\t2\t.\t+\t.\tID=a", "line 2 runs from '3' to '2'"),
        ("chr1\tx\tgene\t1\tx\t.\t+\t.\tID=a", "line 2 runs from '1' to 'x'"),
        ("chr1\tx\tgene\t1\t2\t.\tplus\t.\tID=a", "line 2 has strand 'plus'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "a.gff").write_text(f"##gff-version 3\n{line}\n")
    with pytest.raises(InputError, match=message):
        list(read_gff(tmp_path / "a.gff"))
