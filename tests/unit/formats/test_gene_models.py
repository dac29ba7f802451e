"""Genes by name and place, from every kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError, UnknownNameError
from cistron.formats.gene_models import GeneFile
from cistron.genome import Interval
from cistron.genome.annotation import GeneModel


class Genome:
    name = "g.fa"
    contigs: ClassVar = {"20": 1000, "21": 500}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return "A" * (end - start)


GENOME = Genome()
ROWS = [
    ("chr20", "gene", 101, 300, "-", "ABC1"),
    ("chr20", "exon", 101, 150, "-", "ABC1"),
    ("chr20", "exon", 141, 160, "-", "ABC1"),
    ("chr20", "exon", 280, 300, "-", "ABC1"),
    ("chr20", "CDS", 121, 150, "-", "ABC1"),
    ("chr20", "gene", 250, 400, "+", "XYZ"),
    ("chr20", "exon", 250, 260, "+", "XYZ"),
    ("chr20", "gene", 600, 700, "+", "TWIN"),
    ("21", "gene", 10, 20, "+", "TWIN"),
    ("chrUn", "gene", 1, 90000, "+", "LOST"),
]
ABC1 = GeneModel("ABC1", "20", "-", ((100, 160), (279, 300)), ((120, 150),))


@pytest.fixture(params=["gtf", "parquet", "folder"])
def genes(request, tmp_path: Path) -> GeneFile:
    """The same annotation in every kind of file."""
    if request.param == "gtf":
        path = tmp_path / "genes.gtf"
        lines = (
            f'{c}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\tgene_name "{name}";'
            for c, kind, start, end, strand, name in ROWS
        )
        path.write_text("\n".join(lines) + "\n")
        return GeneFile(path, GENOME)
    for kind, name in (("gene", "genes"), ("exon", "exons"), ("CDS", "CDSs")):
        rows = [row for row in ROWS if row[1] == kind]
        table = {
            "gene_name": [row[5] for row in rows],
            "Strand": [row[4] for row in rows],
            "_labels": [row[0] for row in rows],
            "_starts": [row[2] for row in rows],
            "_ends": [row[3] for row in rows],
        }
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    return GeneFile(tmp_path if request.param == "folder" else tmp_path / "genes.parquet", GENOME)


def test_a_gene_has_the_merged_exons_of_its_transcripts_and_the_genomes_contig_name(genes):
    assert genes.gene("ABC1") == ABC1


def test_case_matters_only_between_two_genes(genes):
    assert genes.gene("abc1") == ABC1


def test_genes_are_found_by_place_the_widest_first(genes):
    found = genes.genes_in(Interval("20", 255, 290))
    assert [gene.name for gene in found] == ["ABC1", "XYZ"]
    assert genes.genes_in(Interval("20", 400, 600 - 1)) == []


def test_an_unknown_gene_is_named_with_its_likeliest_spellings(genes):
    with pytest.raises(UnknownNameError, match="is called 'ABC2'; did you mean ABC1"):
        genes.gene("ABC2")


def test_a_gene_on_a_contig_that_the_genome_lacks_is_unknown(genes):
    with pytest.raises(UnknownNameError, match="LOST"):
        genes.gene("LOST")


def test_a_gene_at_two_places_is_refused_with_both(genes):
    with pytest.raises(InputError, match="gene TWIN lies at 2 places; give a region: 20:600-700, 21:10-20"):
        genes.gene("TWIN")


def test_exons_that_bear_other_names_are_found_by_place_and_strand(tmp_path):
    path = tmp_path / "genes.gff3"
    lines = [
        "20\tx\tgene\t101\t200\t.\t+\t.\tID=g1;Name=ABC1",
        "20\tx\texon\t101\t120\t.\t+\t.\tID=e1;Parent=t1",
        "20\tx\texon\t150\t200\t.\t+\t.\tID=e2;Parent=t1",
        "20\tx\texon\t130\t140\t.\t-\t.\tID=e3;Parent=t9",
    ]
    path.write_text("\n".join(lines) + "\n")
    assert GeneFile(path, GENOME).gene("ABC1").exons == ((100, 120), (149, 200))


def test_a_bed_file_has_genes_of_one_exon(tmp_path):
    path = tmp_path / "genes.bed"
    path.write_text("20\t100\t200\tABC1\t0\t-\n")
    assert GeneFile(path, GENOME).gene("ABC1") == GeneModel("ABC1", "20", "-", ((100, 200),))


def test_annotation_of_another_assembly_is_refused(tmp_path):
    path = tmp_path / "genes.bed"
    path.write_text("20\t100\t2000\tABC1\t0\t-\n")
    with pytest.raises(InputError, match="beyond the 1,000 bp of that contig; is it of another assembly"):
        GeneFile(path, GENOME).gene("ABC1")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text("ABC1\n")
    with pytest.raises(InputError, match="is no annotation by its name"):
        GeneFile(path, GENOME).gene("ABC1")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.gtf"):
        GeneFile(tmp_path / "nothing.gtf", GENOME).gene("ABC1")
