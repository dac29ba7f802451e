"""VCF in, VCF out: everything is kept and only our fields are added."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cistron.formats.bgzf import bgzf_output

Run = Callable[..., Any]
Scores = Callable[[Path], list[dict[str, Any]]]
OURS = ("LLR", "FLANK", "STATUS")

needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")


def bcftools(*words: object) -> list[str]:
    line = ["bcftools", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def with_samples(tmp_path: Path, example: Path) -> Path:
    """The bundled variants with three sample columns, filters, qualities and phased genotypes."""
    header, records = [], []
    for number, line in enumerate((example / "prnp.vcf").read_text().splitlines()):
        if line.startswith("##"):
            header.append(line)
        elif not line.startswith("#"):
            columns = line.split("\t")
            columns[5:7] = [f"{number}.50", "PASS" if number % 2 else "q10;s50"]
            records.append("\t".join([*columns, "GT:DP", "0|1:3", ".|.:.", f"1/1:{number}"]))
    header += [
        '##FILTER=<ID=q10,Description="Quality below 10">',
        '##FILTER=<ID=s50,Description="Few samples, \\"quoted\\"">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        "##cohort=<ID=x,Note=kept as it is>",
    ]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\tcyd"
    path = tmp_path / "samples.vcf"
    path.write_text("\n".join([*header, columns, *records]) + "\n")
    return path


@needs_bcftools
@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz", "out.vcf.bgz", "out.bcf"])
def test_only_our_fields_are_added_to_what_bcftools_sees(
    score: Run, with_samples: Path, example: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    assert score(with_samples, example / "prnp_chr20.fa.gz", out).code == 0
    ours = ",".join(f"INFO/CISTRON_{field}" for field in OURS)
    back = bcftools("annotate", "--no-version", "-x", ours, out)
    before = bcftools("view", "--no-version", with_samples)
    assert [line for line in back if not line.startswith("##cistronCommand=")] == before


def test_plain_output_is_the_input_line_by_line(
    score: Run, with_samples: Path, example: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.vcf"
    score(with_samples, example / "prnp_chr20.fa.gz", out)
    before, after = with_samples.read_text().splitlines(), out.read_text().splitlines()
    added = [line for line in after if line.startswith("#") and line not in before]
    assert [line.split(",")[0] for line in added[:3]] == [f"##INFO=<ID=CISTRON_{field}" for field in OURS]
    assert len(added) == 4
    assert added[3].startswith("##cistronCommand=cistron")
    for old, new in zip(before, (line for line in after if line not in added), strict=True):
        if not old.startswith("#"):
            head, tail = old.split("\t", 8)[:8], old.split("\t", 8)[8]
            assert new.startswith("\t".join(head) + ";CISTRON_")
            assert new.endswith("\t" + tail)


def test_the_header_says_how_the_scores_were_made(
    score: Run, example: Path, tmp_path: Path, tiny: Path
) -> None:
    out = tmp_path / "out.vcf"
    score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", out, "--strands", "forward")
    weights = hashlib.sha256((tiny / "model.safetensors").read_bytes()).hexdigest()
    line = next(line for line in out.read_text().splitlines() if "ID=CISTRON_LLR" in line)
    for fact in (
        "model=tiny",
        f"sha256={weights}",
        "width=64",
        "strands=forward",
        "indel=neutral",
        "version=",
    ):
        assert fact in line
    assert "Number=A,Type=Float" in line


@needs_bcftools
@pytest.mark.parametrize(("name", "suffix"), [("out.vcf.gz", ".tbi"), ("out.bcf", ".csi")])
def test_a_compressed_output_comes_with_an_index_that_bcftools_uses(
    score: Run, example: Path, tmp_path: Path, name: str, suffix: str
) -> None:
    out = tmp_path / name
    score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", out)
    assert (tmp_path / (name + suffix)).is_file()
    found = bcftools("view", "-H", "-r", "20:4680251-4680258", out)
    assert [line.split("\t")[2] for line in found] == ["rs1799990", "rs74315410"]


def test_every_format_holds_the_same_scores(
    score: Run, example: Path, tmp_path: Path, scores_of: Scores
) -> None:
    for ending in ("vcf", "vcf.gz", "bcf", "tsv", "tsv.gz", "parquet"):
        assert score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", tmp_path / f"out.{ending}").code == 0
    plain = scores_of(tmp_path / "out.vcf")
    assert len(plain) == 54
    assert sum(row["llr"] is not None for row in plain) == 51
    assert scores_of(tmp_path / "out.vcf.gz") == scores_of(tmp_path / "out.bcf") == plain

    text = (tmp_path / "out.tsv").read_text()
    assert gzip.decompress((tmp_path / "out.tsv.gz").read_bytes()).decode() == text
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("##")]
    assert lines[0] == ["chrom", "pos", "id", "ref", "alt", "llr", "flank", "status"]
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    for row, cells, columns in zip(plain, lines[1:], table, strict=True):
        assert [columns[key] for key in ("chrom", "pos", "ref", "alt")] == list(row.values())[:4]
        assert [columns["chrom"], str(columns["pos"]), columns["id"]] == cells[:3]
        assert columns["status"] == row["status"] == (cells[7] or None)
        if row["llr"] is None:
            assert columns["llr"] is None
            assert cells[5:7] == ["", ""]
        else:
            assert columns["llr"] == pytest.approx(row["llr"], rel=1e-5)
            assert float(cells[5]) == pytest.approx(row["llr"], rel=1e-6)


def test_a_table_carries_how_it_was_made(score: Run, example: Path, tmp_path: Path) -> None:
    score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", tmp_path / "out.parquet")
    metadata = pq.read_schema(tmp_path / "out.parquet").metadata
    assert metadata[b"cistron.width"] == b"64"
    assert len(metadata[b"cistron.model_sha256"]) == 64


def test_the_manifest_names_inputs_model_and_settings(score: Run, example: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.vcf.gz"
    score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", out)
    manifest = json.loads((tmp_path / "out.vcf.gz.manifest.json").read_text())
    digest = hashlib.sha256((example / "prnp.vcf").read_bytes()).hexdigest()
    assert manifest["input_sha256"] == digest
    assert manifest["reference_sha256"]
    assert (manifest["width"], manifest["strands"], manifest["device"]) == (64, "both", "cpu")
    assert manifest["alleles"] == {"SCORED": 51, "TOO_LONG": 3}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "bgzf"])
def test_standard_input_to_standard_output_gives_the_same_file(
    score: Run, example: Path, tmp_path: Path, packed: bool
) -> None:
    source = (example / "prnp.vcf").read_bytes()
    score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", tmp_path / "out.vcf")
    if packed:
        with bgzf_output(tmp_path / "in.vcf.gz") as stream:
            stream.write(source)
        source = (tmp_path / "in.vcf.gz").read_bytes()
    before = sorted(tmp_path.rglob("*"))
    ran = score("-", example / "prnp_chr20.fa.gz", "-", stdin=source)
    assert ran.code == 0
    assert ran.out == (tmp_path / "out.vcf").read_bytes()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pipeline_of_processes_works_and_the_reader_may_leave_early(
    installed: list[str], example: Path, tiny: Path
) -> None:
    words = ["score", "-", "-r", example / "prnp_chr20.fa.gz", "-m", tiny, "--width", "64", "--threads", "1"]
    line = " ".join([*installed, *map(str, words), "| head -n 1"])
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], input=(example / "prnp.vcf").read_bytes(), capture_output=True
    )
    assert ran.stdout == b"##fileformat=VCFv4.3\n"
    assert b"Traceback" not in ran.stderr


def test_a_device_as_output_gets_no_files_beside_it(score: Run, example: Path) -> None:
    before = sorted(Path("/dev").iterdir())
    assert score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", "/dev/null").code == 0
    assert sorted(Path("/dev").iterdir()) == before


def test_what_is_printed_tells_what_became_of_the_alleles(score: Run, example: Path, tmp_path: Path) -> None:
    ran = score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", tmp_path / "out.vcf")
    assert not ran.out
    assert ran.err == f"cistron: 51 of 54 alleles scored (3 TOO_LONG); wrote {tmp_path / 'out.vcf'}\n"


def test_a_report_is_written_beside_the_scores(score: Run, example: Path, tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", tmp_path / "out.vcf", "--report", report)
    page = report.read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "rs1799990" in page


def test_an_earlier_output_stays_until_the_new_one_is_complete(
    score: Run, example: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.vcf"
    out.write_text("earlier\n")
    assert "does not exist" in score(example / "prnp.vcf", tmp_path / "missing.fa", out).error
    assert out.read_text() == "earlier\n"
    assert score(example / "prnp.vcf", example / "prnp_chr20.fa.gz", out).code == 0
    assert out.read_text().startswith("##fileformat")
