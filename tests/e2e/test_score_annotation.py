"""`cistron score --annotation`: genes and consequences beside scores, as bcftools reads them."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pysam
import pytest

EXONS, CDS = ((4666881, 4667158), (4679856, 4682236)), (4679866, 4680628)


@pytest.fixture(scope="module")
def genes(tmp_path_factory) -> Path:
    """PRNP as GENCODE would write it, on a contig called another way than the bundled genome's."""
    lines = [
        ("gene", EXONS[0][0], EXONS[1][1], ".", "ID=G;gene_name=PRNP;gene_type=protein_coding"),
        ("transcript", EXONS[0][0], EXONS[1][1], ".", "ID=T;Parent=G;transcript_id=ENST1.1;tag=MANE_Select"),
        *(("exon", *exon, ".", "Parent=T") for exon in EXONS),
        ("CDS", *CDS, "0", "Parent=T"),
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("genes") / "prnp.gff3"
    text = (f"chr20\tx\t{kind}\t{a + 1}\t{b}\t.\t+\t{phase}\t{told}" for kind, a, b, phase, told in lines)
    path.write_text("\n".join(text) + "\n")
    return path


@pytest.fixture(scope="module")
def scored(command, tiny, example, genes, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("scored") / "out.vcf.gz"
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", 64, "--annotation", genes]
    assert command("score", example / "prnp.vcf", *words, "-o", output).code == 0
    return output


def entries(record: pysam.VariantRecord, columns: list[str]) -> list[dict[str, str]]:
    return [dict(zip(columns, text.split("|"), strict=True)) for text in record.info["CISTRON_CSQ"]]


def columns_of(vcf: pysam.VariantFile) -> list[str]:
    return re.search(r"Format: ([^\"]+)", vcf.header.info["CISTRON_CSQ"].description)[1].split("|")


def test_every_stated_change_of_the_prion_protein_is_found(scored: Path):
    stated = {"missense": "missense_variant", "synonymous": "synonymous_variant"}
    with pysam.VariantFile(str(scored)) as vcf:
        columns, checked = columns_of(vcf), 0
        for record in vcf:
            told = entries(record, columns)
            assert [one["Allele"] for one in told] == list(record.alts)
            for one, kind, protein in zip(told, record.info["CLASS"], record.info["HGVSP"], strict=True):
                assert (one["SYMBOL"], one["Feature"], one["MANE"]) == ("PRNP", "ENST1.1", "MANE_Select")
                assert one["Consequence"] == stated.get(kind, kind)
                if match := re.fullmatch(r"p\.([A-Z])(\d+)([A-Z*])", protein):
                    before, position, after = match.groups()
                    amino_acids = before if before == after else f"{before}/{after}"
                    assert (one["Protein_position"], one["Amino_acids"]) == (position, amino_acids)
                    checked += 1
    assert checked == 51


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="needs bcftools with its plug-ins")
def test_bcftools_splits_the_field(scored: Path):
    query = "%POS %CLASS %Consequence %SYMBOL\n"
    ran = subprocess.run(
        ["bcftools", "+split-vep", "-a", "CISTRON_CSQ", "-s", "worst", "-f", query, str(scored)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "split-vep" in ran.stderr:
        pytest.skip("this bcftools has no plug-in split-vep")
    assert "4680301 stop_gained stop_gained PRNP" in ran.stdout.splitlines()


def test_a_report_names_genes_and_compares_consequences(
    command, tiny, example, genes, scored: Path, tmp_path: Path
):
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", 64, "--annotation", genes]
    words += ["-o", tmp_path / "out.vcf.gz", "--report", tmp_path / "out.html"]
    assert command("score", example / "prnp.vcf", *words).code == 0
    page = (tmp_path / "out.html").read_text()
    with pysam.VariantFile(str(scored)) as vcf:
        columns, told = columns_of(vcf), []
        for record in vcf:
            told += [one["Consequence"] for one in entries(record, columns)]
    assert page.count("<td>PRNP</td>") == len(told)
    for term in set(told):
        shown = term.removesuffix("_variant").replace("_", " ")
        assert page.count(f">{shown}</td>") == told.count(term)
    assert page.count('<th scope="col">Consequence</th>') == 1
    assert '<th scope="col">Class</th>' not in page


def test_scores_are_those_without_annotation(command, tiny, example, scored: Path, tmp_path: Path):
    plain = tmp_path / "plain.vcf.gz"
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", 64, "-o", plain]
    assert command("score", example / "prnp.vcf", *words).code == 0
    with pysam.VariantFile(str(plain)) as one, pysam.VariantFile(str(scored)) as other:
        found = [[record.info.get("CISTRON_LLR") for record in vcf] for vcf in (one, other)]
    assert found[0] == found[1]
    manifest = json.loads(Path(f"{scored}.manifest.json").read_text())
    assert manifest["annotation"].endswith("prnp.gff3")


def test_a_table_has_gene_and_consequence(command, tiny, example, genes, tmp_path: Path):
    output = tmp_path / "out.tsv"
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", 64, "--annotation", genes]
    assert command("score", example / "prnp.vcf", *words, "-o", output).code == 0
    with output.open() as stream:
        rows = list(csv.DictReader((line for line in stream if not line.startswith("##")), delimiter="\t"))
    found = next(row for row in rows if row["pos"] == "4680301")
    assert (found["gene"], found["consequence"]) == ("PRNP", "stop_gained")


def test_regions_outside_stay_without_consequences(command, tiny, example, genes, tmp_path: Path):
    output = tmp_path / "out.vcf"
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", 64, "--annotation", genes]
    ran = command("score", example / "prnp.vcf", *words, "--regions", "20:4680301-4680301", "-o", output)
    assert ran.code == 0
    with pysam.VariantFile(str(output)) as vcf:
        assert [record.pos for record in vcf if "CISTRON_CSQ" in record.info] == [4680301]


def test_consequences_of_an_earlier_run_are_replaced_only_when_asked(
    command, tiny, example, genes, scored: Path, tmp_path: Path
):
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", 64, "--annotation", genes]
    refused = command("score", scored, *words, "-o", tmp_path / "again.vcf.gz")
    assert "CISTRON_CSQ" in refused.error
    again = tmp_path / "again.vcf.gz"
    assert command("score", scored, *words, "--overwrite", "-o", again).code == 0
    with pysam.VariantFile(str(scored)) as one, pysam.VariantFile(str(again)) as other:
        assert [r.info["CISTRON_CSQ"] for r in one] == [r.info["CISTRON_CSQ"] for r in other]


def test_an_annotation_of_another_assembly_is_refused(command, tiny, example, tmp_path: Path):
    path = tmp_path / "hg38.gff3"
    path.write_text("##gff-version 3\n##sequence-region chr20 1 64444167\n")
    words = ["-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--annotation", path]
    ran = command("score", example / "prnp.vcf", *words, "-o", tmp_path / "out.vcf")
    assert "is on GRCh38" in ran.error
    assert "64,444,167" in ran.error
    assert "63,025,520" in ran.error
