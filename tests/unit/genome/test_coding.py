from __future__ import annotations

import pytest

from cistron.errors import UnknownNameError
from cistron.evals.requests import Contigs
from cistron.genome import Strand
from cistron.genome.coding import CodingGene, Flaw, clean_genes, flaw
from cistron.genome.sequence import reverse_complement

CDS = "ATG" + "GCACGT" * 10 + "TAA"


def placed(text: str, strand: Strand, before: str = "CCCC") -> tuple[Contigs, CodingGene]:
    """A contig that holds `text` as a gene on a strand."""
    body = text if strand == "+" else reverse_complement(text)
    gene = CodingGene("g", "1", strand, ((len(before), len(before) + len(text)),))
    return Contigs((("1", before + body + "GGGG"),)), gene


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_spliced_gene_reads_in_its_direction_whatever_the_strand(strand: Strand) -> None:
    exons, intron = (CDS[:20], CDS[20:]), "GTTTTTAG"
    text = exons[0] + intron + exons[1]
    contigs, _ = placed(text, strand)
    spans = [(4, 24), (32, 4 + len(text))]
    if strand == "-":
        last = 4 + len(text)
        spans = [(last - 20, last), (4, last - 28)]
    gene = CodingGene("g", "1", strand, tuple(spans))
    assert gene.sequence(contigs) == CDS
    bases = contigs.sequences[0][1]
    read = "".join(bases[at] for at in gene.positions())
    assert (read if strand == "+" else read.translate(str.maketrans("ACGT", "TGCA"))) == CDS
    assert flaw(gene, contigs) is None


def test_a_gene_across_the_origin_of_a_circle_is_read_on_from_its_first_base() -> None:
    ring = CDS[30:] + "TTTT" + CDS[:30]
    gene = CodingGene("g", "1", "+", ((len(ring) - 30, len(ring) - 30 + len(CDS)),))
    assert gene.sequence(Contigs((("1", ring),))) == CDS


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("CTC" + CDS[3:], Flaw.NO_START),
        (CDS[:-3] + "GCA", Flaw.NO_STOP),
        (CDS[:30] + "TGA" + CDS[33:], Flaw.INNER_STOP),
        (CDS[:30] + "N" + CDS[31:], Flaw.AMBIGUOUS),
        (CDS[:30] + CDS[31:], Flaw.NOT_TRIPLETS),
        ("ATGGCATAA", Flaw.SHORT),
    ],
)
def test_a_gene_that_does_not_read_cleanly_says_why(text: str, wrong: Flaw) -> None:
    contigs, gene = placed(text, "-")
    assert flaw(gene, contigs) is wrong


def test_overlapping_parts_and_partial_genes_are_not_believed() -> None:
    contigs, gene = placed(CDS, "+")
    overlapping = CodingGene("g", "1", "+", ((4, 40), (37, 4 + len(CDS))))
    assert flaw(overlapping, contigs) is Flaw.OVERLAPPING
    assert flaw(CodingGene("g", "1", "+", gene.parts, partial=True), contigs) is Flaw.PARTIAL


def test_the_longest_clean_isoform_of_a_gene_is_kept_and_the_rest_counted() -> None:
    contigs, whole = placed(CDS, "+")
    tail = CodingGene("g", "1", "+", ((4, 4 + len(CDS)),))
    broken = CodingGene("h", "1", "+", ((5, 4 + len(CDS)),))
    genes, reasons = clean_genes([whole, broken, tail], contigs)
    assert genes == [whole]
    assert reasons == {"another isoform of the same gene is longer": 1, Flaw.NOT_TRIPLETS: 1}


def test_an_unknown_translation_table_is_an_error_and_not_a_flaw() -> None:
    contigs, gene = placed(CDS, "+")
    with pytest.raises(UnknownNameError, match="translation table 7"):
        flaw(CodingGene("g", "1", "+", gene.parts, table=7), contigs)
