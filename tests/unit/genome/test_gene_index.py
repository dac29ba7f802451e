"""Genes of a place from memory are those that the annotation file gives."""

from __future__ import annotations

from cistron.genome import Interval
from cistron.genome.gene_index import GeneIndex

GENES = [
    Interval("1", 100, 900, "+", "A"),
    Interval("1", 400, 600, "-", "B"),
    Interval("1", 2_000, 2_100, "+", "C"),
]
EXONS = [
    Interval("1", 800, 900, "+", "A"),
    Interval("1", 100, 150, "+", "A"),
    Interval("1", 120, 180, "+", "A"),
    Interval("1", 410, 420, "-", "exon:1"),
    Interval("1", 500, 520, "+", "other"),
]


def test_genes_that_share_a_base_come_in_order_with_their_exons_merged():
    found = GeneIndex(GENES, EXONS)(Interval("1", 150, 450))
    assert [(gene.name, gene.exons) for gene in found] == [
        ("A", ((100, 180), (800, 900))),
        ("B", ((410, 420),)),
    ]


def test_edges_are_half_open_and_other_contigs_have_no_genes():
    index = GeneIndex(GENES, EXONS)
    assert [gene.name for gene in index(Interval("1", 900, 2_000))] == []
    assert [gene.name for gene in index(Interval("1", 899, 2_001))] == ["A", "C"]
    assert index(Interval("2", 0, 10_000)) == []


def test_a_gene_without_exons_is_one():
    (gene,) = GeneIndex(GENES, EXONS)(Interval("1", 2_050, 2_051))
    assert gene.exons == ((2_000, 2_100),)
