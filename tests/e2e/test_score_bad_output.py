"""Outputs that cannot be written: told before the work where that is possible, and nothing is lost."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cistron.cli.scoring.finished import ScoredRun
from cistron.cli.scoring.request import ScoreRequest
from cistron.cli.scoring.run import run_score
from cistron.errors import OutputError

Run = Callable[..., Any]


@pytest.fixture
def inputs(bench: Any) -> tuple[Path, Path]:
    return bench.vcf(*(bench.snv(pos) for pos in range(100, 2900, 10))), bench.fasta()


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("missing/out.vcf", "the folder {out}/missing does not exist; create it first"),
        ("", "it is a folder; name a file in it"),
        ("../genome.fa/out.vcf", "is not a folder"),
        ("out.csv", "its name should end in .vcf, .vcf.gz"),
        ("out", "its name should end in .vcf, .vcf.gz"),
    ],
)
def test_an_output_that_cannot_be(
    score: Run, bench: Any, inputs: tuple[Path, Path], out: str, told: str
) -> None:
    assert told.format(out=bench.out) in score(*inputs, bench.out / out).error
    assert bench.left() == []


@pytest.fixture
def read_only(bench: Any) -> Iterator[Path]:
    """A folder that cannot be written; for root, whom no permission stops, a read-only file system."""
    folder: Path = bench.folder / "read-only"
    folder.mkdir()
    if os.geteuid():
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    with mounted(folder, "ro"):
        yield folder


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A new tmpfs at `folder`, or a skip."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_folder(score: Run, bench: Any, inputs: tuple[Path, Path], read_only: Path) -> None:
    told = f"the folder {read_only} is read-only"
    assert told in score(*inputs, read_only / "out.vcf").error
    assert told in score(*inputs, bench.out / "out.vcf", "--report", read_only / "out.html").error
    assert bench.left() == list(read_only.iterdir()) == []


def test_the_input_is_never_the_output(score: Run, bench: Any, inputs: tuple[Path, Path]) -> None:
    vcf, fasta = inputs
    before = vcf.read_bytes(), fasta.read_bytes()
    link = bench.out / "link.vcf"
    link.symlink_to(vcf)
    hard = bench.out / "hard.vcf"
    hard.hardlink_to(vcf)
    for out in (vcf, link, hard, fasta, bench.out / ".." / "in.vcf"):
        assert "name another file" in score(vcf, fasta, out).error
    assert (vcf.read_bytes(), fasta.read_bytes()) == before


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ("out.vcf", "--output and --report both name"),
        ("missing/r.html", "does not exist; create it first"),
        ("", "it is a folder"),
        ("../in.vcf", "name another file"),
    ],
)
def test_a_report_that_cannot_be_is_told_before_scoring(
    score: Run, bench: Any, inputs: tuple[Path, Path], report: str, told: str
) -> None:
    before = inputs[0].read_bytes()
    line = score(*inputs, bench.out / "out.vcf", "--report", bench.out / report).error
    assert told in line
    assert bench.left() == []
    assert inputs[0].read_bytes() == before


@pytest.fixture
def tiny_disk(bench: Any) -> Iterator[Path]:
    """A file system of 16 kB."""
    folder: Path = bench.folder / "disk"
    folder.mkdir()
    with mounted(folder, "size=16k"):
        yield folder


def test_a_full_disk_keeps_what_was_scored_for_a_resumed_run(
    score: Run, bench: Any, inputs: tuple[Path, Path], tiny_disk: Path
) -> None:
    vcf, fasta = inputs
    line = score(vcf, fasta, tiny_disk / "out.vcf").error
    assert "the disk is full; free some space or write elsewhere; then --resume continues" in line
    assert [path.name for path in tiny_disk.iterdir()] == ["out.vcf.journal"]
    subprocess.run(["mount", "-o", "remount,size=1m", str(tiny_disk)], check=True)
    assert score(vcf, fasta, tiny_disk / "out.vcf", "--resume").code == 0
    assert score(vcf, fasta, bench.out / "out.vcf").code == 0
    assert (tiny_disk / "out.vcf").read_bytes() == (bench.out / "out.vcf").read_bytes()
    assert sorted(path.name for path in tiny_disk.iterdir()) == bench.left()


def test_a_disk_without_any_room_leaves_nothing(
    score: Run, inputs: tuple[Path, Path], tiny_disk: Path
) -> None:
    filler = tiny_disk / "filler"
    filler.write_bytes(bytes(16_384))
    assert "the disk is full" in score(*inputs, tiny_disk / "out.vcf.gz").error
    assert list(tiny_disk.iterdir()) == [filler]


def test_a_file_size_limit_is_told_like_a_full_disk(
    score: Run, bench: Any, inputs: tuple[Path, Path]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, before[1]))
    try:
        ran = score(*inputs, bench.out / "out.vcf")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "the disk is full" in ran.error
    assert bench.left() == ["out.vcf.journal"]
    assert score(*inputs, bench.out / "out.vcf", "--resume").code == 0
    assert bench.left() == ["out.vcf", "out.vcf.manifest.json"]


def test_a_report_that_fails_late_costs_no_scores(bench: Any, inputs: tuple[Path, Path]) -> None:
    def fail(run: ScoredRun) -> None:
        raise OutputError("cannot write out.html: the disk is full")

    request = ScoreRequest(str(inputs[0]), inputs[1], str(bench.out / "out.vcf"), str(bench.model), width=64)
    with pytest.raises(OutputError, match="--resume"):
        run_score(request, then=fail)
    assert bench.left() == ["out.vcf", "out.vcf.journal", "out.vcf.manifest.json"]
