from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=q10,Description="Quality below 10">
##reference=file:hs37d5.fa
##contig=<ID=20,length=63025520>
##contig=<ID=X>
##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=DB,Number=0,Type=Flag,Description="In dbSNP">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
RECORDS = [
    "20\t100\trs1\tA\tC\t30.10\tPASS\tAC=1;AF=0.123456789",
    "20\t100\t.\tA\tC\t.\t.\t.",
    "20\t150\t.\tA\tC,*\t0.50\tq10\tAC=1,.;DB",
    "20\t160\t.\tA\t<DEL>\t.\tPASS\tEND=190",
    "20\t170\t.\tG\t.\t.\tPASS\tEND=170",
    "20\t180\t.\tG\t<DEL>,<DUP>\t.\tPASS\tSVLEN=-20,30",
    "20\t190\t.\tG\t<DEL>\t.\tPASS\tSVLEN=-5",
    "20\t200\t.\tG\tG[20:5[\t.\tPASS\t.",
    "X\t5\ta;b\tacg\ta\t9\tPASS\tEND=7",
]


def vcf_text(records: list[str] | None = None, samples: int = 0, header: str = HEADER) -> str:
    """A VCF with the standard header and, for each sample, the genotype 0|1."""
    records = RECORDS if records is None else records
    names = "".join(f"\tS{number}" for number in range(samples))
    heading = COLUMNS + ("\tFORMAT" + names if samples else "")
    rows = [record + ("\tGT" + "\t0|1" * samples if samples else "") for record in records]
    return header + "\n".join([heading, *rows]) + "\n"


@pytest.fixture
def make_vcf(tmp_path: Path) -> Callable[..., Path]:
    """Writes a VCF into the test's folder and returns its path; takes what `vcf_text` takes."""

    def make(name: str = "in.vcf", **content: object) -> Path:
        path = tmp_path / name
        path.write_text(vcf_text(**content))  # type: ignore[arg-type]
        return path

    return make


@contextmanager
def _small_tmpfs(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _small_files(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=[_small_tmpfs, _small_files], ids=["tmpfs", "file-size-limit"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> AbstractContextManager[Path]:
    """A context manager that gives a folder where no more than 64 kB can be written."""
    context: AbstractContextManager[Path] = request.param(tmp_path / "full")
    return context
