from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.evals.requests import Contigs
from cistron.formats.coding_genes import read_coding_genes
from cistron.genome.coding import Annotation, clean_genes
from cistron.genome.sequence import reverse_complement

CDS = "ATG" + "GCACGT" * 10 + "TAA"
BASES = "C" * 20 + CDS[:33] + "GTAAAAAAAG" + CDS[33:] + "C" * 20 + reverse_complement(CDS) + "C" * 20
GENOME = Contigs((("chr1", BASES), ("chr2", "ACGT" * 10)))
FORWARD = ((20, 53), (63, 96))
BACKWARD = (116, 182)


def rows(*lines: str) -> str:
    return "".join("\t".join(line.split(" ", 8)) + "\n" for line in lines)


def read(folder: Path, name: str, text: str, **options: object) -> Annotation:
    path = folder / name
    path.write_text(text)
    return read_coding_genes(path, GENOME, **options)  # type: ignore[arg-type]


def test_gff3_gives_parts_in_reading_order_with_table_name_and_rna_genes(tmp_path: Path) -> None:
    text = "##gff-version 3\n" + rows(
        "1 x region 1 202 . + . ID=1;Is_circular=true",
        "1 x CDS 64 96 . + 0 ID=cds-a;Parent=a;gene=abc;transl_table=11",
        "1 x CDS 21 53 . + 0 ID=cds-a;Parent=a;gene=abc;transl_table=11",
        "1 x CDS 117 182 . - 0 Parent=b;locus_tag=b%3B2",
        "1 x tRNA 2 15 . - . ID=t;Note=tRNA-Ile(GAU);gene=ileV",
    )
    found = read(tmp_path, "a.gff3", text)
    first, second = found.coding
    assert (first.name, first.parts, first.table) == ("abc", FORWARD, 11)
    assert (second.name, second.parts, second.strand) == ("b;2", (BACKWARD,), "-")
    assert {gene.sequence(GENOME) for gene in found.coding} == {CDS}
    assert found.circular == {"chr1"}
    assert (found.rna[0].kind, found.rna[0].anticodon, found.rna[0].interval.name) == ("tRNA", "GAT", "ileV")


def test_gtf_coding_sequences_get_their_stop_codons_back(tmp_path: Path) -> None:
    text = rows(
        '1 x CDS 21 53 . + 0 gene_id "g"; transcript_id "t"; gene_name "abc";',
        '1 x CDS 64 93 . + 0 gene_id "g"; transcript_id "t"; gene_name "abc";',
        '1 x stop_codon 94 96 . + 0 gene_id "g"; transcript_id "t"; gene_name "abc";',
        '1 x CDS 120 182 . - 0 gene_id "h"; transcript_id "u";',
        '1 x stop_codon 117 119 . - 0 gene_id "h"; transcript_id "u";',
    )
    genes, reasons = clean_genes(read(tmp_path, "a.gtf", text).coding, GENOME)
    assert [(gene.name, gene.parts) for gene in genes] == [("abc", FORWARD), ("h", (BACKWARD,))]
    assert reasons == {}


def test_starts_that_count_from_0_are_read_when_said_so(tmp_path: Path) -> None:
    text = rows("chr1 x CDS 116 182 . - 0 ID=b")
    assert read(tmp_path, "a.gff", text, first=0).coding[0].parts == (BACKWARD,)


def test_a_feature_outside_the_contig_is_refused_and_a_circle_may_be_passed(tmp_path: Path) -> None:
    text = rows("chr1 x CDS 190 220 . + 0 ID=b")
    with pytest.raises(InputError, match=r"beyond the 202 bp of that contig; is the contig circular\?"):
        read(tmp_path, "a.gff", text)
    assert read(tmp_path, "a.gff", text, circular=["1"]).coding[0].parts == ((189, 220),)
    with pytest.raises(InputError, match="is it of another assembly"):
        read(tmp_path, "a.gff", rows("chr1 x CDS 300 320 . + 0 ID=b"))


def test_an_annotation_of_other_contigs_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no coding sequence on the contigs"):
        read(tmp_path, "a.gff", rows("NC_1 x CDS 1 9 . + 0 ID=b"))
    mixed = rows("NC_1 x CDS 1 9 . + 0 ID=b", "chr1 x CDS 117 182 . - 0 ID=c")
    assert read(tmp_path, "a.gff", mixed).passed_over == {"gene on a contig that the genome does not have": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1 x CDS 9 5 . + 0 ID=b", "line 1 runs from '9' to '5'"),
        ("chr1 x CDS 0 5 . + 0 ID=b", "starts count from 1"),
        ("chr1 x CDS 1 5 . +", "has 7 columns"),
        ("chr1 x CDS 1 9 . + 0 ID=b;transl_table=x", "transl_table=x; give a number"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, "a.gff", rows(line))


def test_phases_and_missing_strands_are_counted_out_not_read(tmp_path: Path) -> None:
    text = rows(
        "chr1 x CDS 117 182 . - 1 ID=a;gene=a", "chr1 x CDS 1 9 . . 0 ID=b", "chr1 x CDS 117 182 . - 0 ID=c"
    )
    found = read(tmp_path, "a.gff", text)
    assert found.passed_over == {"coding sequence without one strand": 1}
    assert [gene.partial for gene in found.coding] == [True, False]


def test_sgd_features_use_its_columns_strands_and_mitochondrial_code(tmp_path: Path) -> None:
    def line(kind: str, qualifier: str, name: str, symbol: str, parent: str, chrom: str, place: str) -> str:
        first, last, strand = place.split()
        return "\t".join(
            ["S1", kind, qualifier, name, symbol, "", parent, "", chrom, first, last, strand, *[""] * 4]
        )

    text = "\n".join(
        [
            line("ORF", "Verified", "YA", "ABC1", "", "1", "21 96 W"),
            line("CDS", "", "", "", "YA", "1", "64 96 W"),
            line("CDS", "", "", "", "YA", "1", "21 53 W"),
            line("ORF", "Dubious", "YB", "", "", "1", "182 117 C"),
            line("CDS", "", "", "", "YB", "1", "182 117 C"),
            line("ORF", "Verified", "Q1", "COX", "", "17", "182 117 C"),
            line("CDS", "", "", "", "Q1", "17", "182 117 C"),
            line("tRNA_gene", "", "tP(UGG)A", "", "", "1", "15 2 C"),
            line("ORF", "Verified", "YC", "", "", "2-micron", "1 9 W"),
        ]
    )
    path = tmp_path / "SGD_features.tab"
    path.write_text(text + "\n")
    found = read_coding_genes(path, Contigs((("I", BASES), ("Mito", BASES))))
    assert [(g.name, g.chrom, g.parts, g.table) for g in found.coding] == [
        ("ABC1", "I", FORWARD, 1),
        ("COX", "Mito", (BACKWARD,), 3),
    ]
    assert found.rna[0].anticodon == "TGG"
    assert found.passed_over == {
        "dubious open reading frame": 1,
        "feature on '2-micron', which is no chromosome": 1,
    }


def test_gencode_tables_give_genes_of_one_isoform_and_kinds_of_rna(tmp_path: Path) -> None:
    def table(name: str, *features: tuple[str, str, int, int, str]) -> None:
        names = ("gene_name", "Strand", "_starts", "_ends", "gene_type")
        columns = {key: [feature[i] for feature in features] for i, key in enumerate(names)}
        pq.write_table(
            pa.table({**columns, "_labels": ["chr1"] * len(features)}), tmp_path / f"{name}.parquet"
        )

    table("genes", ("a", "+", 21, 96, "protein_coding"), ("s", "-", 2, 15, "snoRNA"))
    table("CDSs", *[("a", "+", *span, "protein_coding") for span in ((21, 53), (64, 93), (21, 53))])
    table("stop_codons", ("a", "+", 94, 96, "protein_coding"))
    found = read_coding_genes(tmp_path, GENOME)
    assert clean_genes(found.coding, GENOME)[0][0].sequence(GENOME) == CDS
    assert [(gene.kind, gene.interval.start) for gene in found.rna] == [("snoRNA", 1)]


def test_a_file_of_another_kind_is_refused_with_the_kinds_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give GFF3, GTF, GenBank"):
        read(tmp_path, "a.bed", "chr1 1 2\n")
