from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from cistron.genome.genetic_code import CODONS, genetic_code

from .conftest import Run

SENSE = [codon for codon in CODONS if codon not in genetic_code(1).stops]


@pytest.fixture
def genome(tmp_path: Path) -> tuple[Path, Path]:
    """A FASTA, in lower case, and a GFF3 of three genes."""
    bases = random.Random(8)
    text, lines = "", ["##gff-version 3"]
    for number in range(3):
        text += "".join(bases.choices("acgt", k=150))
        start = len(text) + 1
        text += ("ATG" + "".join(bases.choices(SENSE, k=40)) + "TAA").lower()
        lines.append(f"1\tx\tCDS\t{start}\t{len(text)}\t.\t+\t0\tID=c{number};gene=g{number}")
    fasta, gff = tmp_path / "g.fa", tmp_path / "g.gff3"
    fasta.write_text(f">1\n{text}{'acgt' * 40}\n")
    gff.write_text("\n".join(lines) + "\n")
    return fasta, gff


def options(fasta: Path, gff: Path, *more: str) -> list[object]:
    given = [f"fasta={fasta}", f"annotation={gff}", "width=64", "slack=0", *more]
    return [word for each in given for word in ("--set", each)]


def rows_of(folder: Path, task: str) -> dict[str, Any]:
    task_file = json.loads((folder / task / "task.json").read_text())
    found = [json.loads((folder / task / name).read_text()) for name in task_file["rows"]]
    return {row["row"]: row for row in found}


def test_an_experiment_runs_on_a_genome_of_the_user_with_baseline_and_controls(
    command: Run, tiny: Path, tmp_path: Path, genome: tuple[Path, Path]
) -> None:
    out = tmp_path / "out"
    words = options(*genome, "alternatives=1")
    ran = command("eval", "run", "zeroshot-start/genome", "-m", tiny, "-o", out, "--limit", 2, *words)
    assert ran.code == 0, ran.err
    rows = rows_of(out, "zeroshot-start/genome")
    assert {row["kind"] for row in rows.values()} == {"model", "markov", "control"}
    for row in rows.values():
        metrics = {metric["name"]: metric for metric in row["metrics"]}
        assert set(metrics) == {"start dip", "third base", "coding dip"}
        assert metrics["start dip"]["n"] == 2
        assert metrics["start dip"]["low"] < metrics["start dip"]["high"]
    assert (out / "zeroshot-start/genome/figure-1.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\tx\tCDS\t9000\t9080\t.\t+\t0\tID=z", "beyond the"),
        ("1\tx\tCDS\t151\t276\t.\t+\t0\tID=z;transl_table=99", "translation table 99 is not known"),
        ("1\tx\tCDS\t151", "has 4 columns"),
    ],
)
def test_an_annotation_that_does_not_fit_the_genome_is_refused_in_one_line(
    command: Run, tiny: Path, tmp_path: Path, genome: tuple[Path, Path], line: str, message: str
) -> None:
    fasta, gff = genome
    with gff.open("a") as stream:
        stream.write(line + "\n")
    words = options(fasta, gff)
    ran = command("eval", "run", "zeroshot-stop/genome", "-m", tiny, "-o", tmp_path / "o", *words)
    assert ran.code == 1
    assert message in ran.err


def test_every_gene_of_phix174_reads_cleanly_round_its_circle(real_data: Path) -> None:
    from cistron.evals.task import Setting
    from cistron.evals.zeroshot.genomes import SOURCES, open_genome

    source = next(source for source in SOURCES if source.name == "phix174")
    genome = open_genome(source, Setting(real_data))
    assert len(genome.genes) == 11
    assert sum(max(gene.parts)[1] > 5386 for gene in genome.genes) == 2
