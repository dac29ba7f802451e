"""Alleles of a ClinVar file: who is kept, by which gene, and what is counted as left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cistron.data.labelled.clinvar import read_clinvar
from cistron.errors import InputError
from cistron.formats.fasta import Fasta

FIELDS = ("CLNSIG", "CLNREVSTAT", "GENEINFO", "MC")
ONE, TWO = "criteria_provided,_single_submitter", "criteria_provided,_multiple_submitters,_no_conflicts"


@pytest.fixture
def genome(tmp_path: Path) -> Iterator[Fasta]:
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\n" + "ACGT" * 50 + "\n")
    with Fasta(path) as fasta:
        yield fasta


def write(folder: Path, *records: str) -> Path:
    path = folder / "clinvar.vcf"
    head = [f'##INFO=<ID={name},Number=.,Type=String,Description="x">' for name in FIELDS]
    lines = ["##fileformat=VCFv4.1", *head, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for record in records:
        pos, ref, alt, info = record.split(" ")
        lines.append(f"1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t{info}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_two_classes_are_kept_and_the_rest_is_counted(tmp_path: Path, genome: Fasta):
    path = write(
        tmp_path,
        f"1 A C CLNSIG=Benign;CLNREVSTAT={ONE};GENEINFO=G1:1",
        f"5 A C CLNSIG=Likely_pathogenic;CLNREVSTAT={TWO};GENEINFO=G2:2;MC=SO:1|missense_variant",
        f"9 A C CLNSIG=Uncertain_significance;CLNREVSTAT={TWO}",
        "13 A C CLNSIG=Pathogenic;CLNREVSTAT=no_assertion_criteria_provided",
        f"17 C A CLNSIG=Pathogenic;CLNREVSTAT={ONE}",
        f"21 A <DUP> CLNSIG=Pathogenic;CLNREVSTAT={ONE}",
    )
    found = read_clinvar(path, genome)
    assert [(a.variant.chrom, a.variant.pos, a.pathogenic, a.stars, a.group) for a in found.alleles] == [
        ("chr1", 1, False, 1, "G1"),
        ("chr1", 5, True, 2, "G2"),
    ]
    assert found.alleles[1].terms == ("missense_variant",)
    assert found.dropped == {
        "REF differs from the reference": 1,
        "fewer than 1 stars": 1,
        "status SYMBOLIC": 1,
        "uncertain significance": 1,
    }


def test_genes_that_share_an_allele_are_one_group(tmp_path: Path, genome: Fasta):
    path = write(
        tmp_path,
        f"1 A C CLNSIG=Benign;CLNREVSTAT={ONE};GENEINFO=B:1",
        f"5 A C CLNSIG=Pathogenic;CLNREVSTAT={ONE};GENEINFO=A:2|B:1",
        f"9 A C CLNSIG=Benign;CLNREVSTAT={ONE};GENEINFO=C:3",
        f"13 A C CLNSIG=Benign;CLNREVSTAT={ONE}",
    )
    assert [a.group for a in read_clinvar(path, genome).alleles] == ["A", "A", "C", "chr1:13"]


def test_an_allele_with_both_classes_is_left_out(tmp_path: Path, genome: Fasta):
    path = write(
        tmp_path,
        f"1 A C CLNSIG=Benign;CLNREVSTAT={ONE}",
        f"1 A C CLNSIG=Pathogenic;CLNREVSTAT={ONE}",
        f"5 A C CLNSIG=Benign;CLNREVSTAT={ONE}",
        f"5 A C CLNSIG=Benign;CLNREVSTAT={ONE}",
        f"9 A C CLNSIG=Pathogenic;CLNREVSTAT={ONE}",
    )
    found = read_clinvar(path, genome)
    assert [a.variant.pos for a in found.alleles] == [5, 9]
    assert found.dropped["given with both classes"] == 1


def test_one_class_alone_is_refused_with_what_was_left_out(tmp_path: Path, genome: Fasta):
    path = write(
        tmp_path,
        f"1 A C CLNSIG=Benign;CLNREVSTAT={ONE}",
        f"5 A C CLNSIG=Uncertain_significance;CLNREVSTAT={ONE}",
    )
    with pytest.raises(InputError, match=r"1 benign and 0 pathogenic.*1 uncertain significance"):
        read_clinvar(path, genome)


def test_a_file_without_significance_is_refused(tmp_path: Path, genome: Fasta):
    path = tmp_path / "other.vcf"
    path.write_text(
        "##fileformat=VCFv4.1\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t1\t.\tA\tC\t.\t.\t.\n"
    )
    with pytest.raises(InputError, match="has no INFO/CLNSIG"):
        read_clinvar(path, genome)


def test_thinning_depends_on_the_seed_alone(tmp_path: Path, genome: Fasta):
    records = [
        f"{4 * at + 1} A C CLNSIG={'Benign' if at % 2 else 'Pathogenic'};CLNREVSTAT={ONE}" for at in range(40)
    ]
    path = write(tmp_path, *records)
    one, same, other = (read_clinvar(path, genome, limit=10, seed=seed) for seed in (1, 1, 2))
    assert one.alleles == same.alleles != other.alleles
    assert (len(one.alleles), one.dropped["above the limit"]) == (10, 30)
