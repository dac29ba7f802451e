"""Uploads: nothing that was not asked for is kept, and nothing strange is more than an error of one line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cistron.errors import CistronError
from cistron.formats.bgzf import bgzf_output
from cistron.server.settings import Limits
from cistron.server.tables import rows_of
from cistron.server.uploads import save, take_sequences, take_variants

LIMITS = Limits()
VCF = (
    "##fileformat=VCFv4.3\n##contig=<ID=1>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n##SAMPLE=<ID=anna>\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tanna\n"
    "1\t5\trs1\tA\tC,G\t.\t.\t.\tGT\t0|1\n1\t9\t.\tA\t.\t.\t.\t.\tGT\t0|0\n"
)


def test_samples_stay_only_when_asked_for(tmp_path: Path) -> None:
    raw, target = tmp_path / "raw", tmp_path / "out.vcf"
    save(io.BytesIO(VCF.encode()), raw, LIMITS)
    assert take_variants(raw, target, LIMITS, keep_samples=True) == 2
    assert target.read_text() == VCF
    assert take_variants(raw, target, LIMITS, keep_samples=False) == 2
    assert target.read_text().splitlines()[2:] == [
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        "1\t5\trs1\tA\tC,G\t.\t.\t.",
        "1\t9\t.\tA\t.\t.\t.\t.",
    ]


def test_sequences_are_counted(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    save(io.BytesIO(b">a\nACGT\nAC\n>b\nGG\n"), raw, LIMITS)
    assert take_sequences(raw, tmp_path / "out.fa", LIMITS) == (2, 8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, len(VCF)), st.binary(max_size=6)), max_size=4))
def test_a_damaged_vcf_is_read_or_refused_in_one_line(
    tmp_path: Path, changes: list[tuple[int, bytes]]
) -> None:
    content = VCF.encode()
    for place, bytes_ in changes:
        content = content[:place] + bytes_ + content[place + len(bytes_) // 2 :]
    raw = tmp_path / "raw"
    told = ""
    try:
        save(io.BytesIO(content), raw, LIMITS)
        take_variants(raw, tmp_path / "out.vcf", LIMITS, keep_samples=False)
    except CistronError as error:
        told = str(error)
    assert "\n" not in told
    assert str(tmp_path) not in told


def test_a_table_has_a_row_for_each_allele(tmp_path: Path) -> None:
    path = tmp_path / "scored.vcf.gz"
    with bgzf_output(path) as out:
        out.write(
            b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
            b"1\t5\trs1\tA\tC,*\t.\t.\tDP=3;CISTRON_LLR=-1.5,.;CISTRON_STATUS=.,SPANNING\n1\t9\t.\tA\t.\t.\t.\t.\n"
        )
    header, *rows = (line.rstrip("\n").split("\t") for line in rows_of(path))
    assert header[5:8] == ["llr", "flank", "status"]
    assert rows == [
        ["1", "5", "rs1", "A", "C", "-1.5", "", "", "", "", ""],
        ["1", "5", "rs1", "A", "*", "", "", "SPANNING", "", "", ""],
    ]


@pytest.mark.parametrize("field", ["CISTRON_CSQ", "CSQ"])
def test_a_table_names_the_gene_and_the_worst_consequence_of_each_allele(tmp_path: Path, field: str) -> None:
    path = tmp_path / "scored.vcf.gz"
    line = f'##INFO=<ID={field},Number=.,Type=String,Description="x Format: Allele|Consequence|SYMBOL">\n'
    told = "C|intron_variant|A,C|missense_variant&splice_region_variant|B,G|synonymous_variant|A"
    with bgzf_output(path) as out:
        out.write(
            b"##fileformat=VCFv4.3\n"
            + line.encode()
            + b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
            + f"1\t5\t.\tA\tC,G,T\t.\t.\t{field}={told}\n".encode()
            + f"1\t9\t.\tAC\tA\t.\t.\t{field}=-|frameshift_variant|D;CISTRON_LLR=1\n".encode()
        )
    header, *rows = (line.rstrip("\n").split("\t") for line in rows_of(path))
    assert header[-2:] == ["gene", "consequence"]
    assert [row[-2:] for row in rows] == [
        ["B", "missense_variant&splice_region_variant"],
        ["A", "synonymous_variant"],
        ["", ""],
        ["D", "frameshift_variant"],
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"\x1f\x8b\x08\x04" + b"\0" * 30, b"BCF\2\2", b"\0" * 9]
)
def test_what_is_no_vcf_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CistronError):
        _take(content, tmp_path)


def _take(content: bytes, folder: Path) -> None:
    save(io.BytesIO(content), folder / "raw", LIMITS)
    take_variants(folder / "raw", folder / "out.vcf", LIMITS, keep_samples=False)
