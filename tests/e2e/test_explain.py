"""`cistron explain`: which experts fire on which bases."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cistron.models.markov import MODEL, fit
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.weights.folder import save_folder

Run = Callable[..., Any]
REGION = "1:501-1,500"


@pytest.fixture
def explain(command: Run, bench: Any) -> Run:
    """Runs `cistron explain TARGET` on the bench's genome with the tiny model at a width of 64 bp."""

    def run(target: object, output: str = "out.tsv", *more: object) -> Any:
        words = [target, "-r", bench.folder / "genome.fa", "-o", bench.out / output]
        model = [] if "-m" in more else ["-m", bench.model]
        return command("explain", *words, *model, "--width", 64, *more)

    bench.fasta()
    return run


@pytest.fixture
def genes(bench: Any) -> Path:
    """A gene with two exons on contig 1."""
    path = bench.folder / "genes.gtf"
    rows = [("gene", 701, 1100), ("exon", 701, 800), ("exon", 1051, 1100)]
    path.write_text("".join(f'1\tx\t{k}\t{a}\t{b}\t.\t+\t.\tgene_name "ABC1";\n' for k, a, b in rows))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a TSV as texts by column."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("##")]
    names, *rows = (line.split("\t") for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_a_table_has_a_row_for_each_layer_expert_and_class(explain, genes, bench):
    repeats = bench.folder / "repeats.bed"
    repeats.write_text("1\t600\t650\n1\t640\t660\n")
    ran = explain(REGION, "out.tsv", "--genes", genes, "--class", f"repeats={repeats}", "--json")
    summary = json.loads(ran.out)
    assert summary["classes"]["all"] == 2 * 1000
    assert [summary["classes"][name] for name in ("exons", "introns", "intergenic", "repeats")] == [
        300,
        500,
        1200,
        120,
    ]
    found = rows_of(bench.out / "out.tsv")
    assert len(found) == 2 * 4 * 9
    for layer in ("0", "1"):
        for name in ("all", "exons", "G"):
            shares = [float(r["share"]) for r in found if r["layer"] == layer and r["class"] == name]
            assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert all(float(r["low"]) <= float(r["log2_enrichment"]) + 1e-6 for r in found if r["low"])


def test_a_gene_is_looked_up_by_name(explain, genes, bench):
    summary = json.loads(explain("abc1", "out.tsv", "--genes", genes, "--json").out)
    assert (summary["target"], summary["place"]) == ("ABC1", "1:701-1100")


def test_near_ties_are_counted_and_the_tolerance_is_recorded(explain, bench):
    summary = json.loads(explain(REGION, "out.tsv", "--tolerance", 1000, "--json").out)
    assert summary["near_ties"] == [2000, 2000]
    assert summary["near_ties_per_window"] == 128
    manifest = json.loads((bench.out / "out.tsv.manifest.json").read_text())
    assert (manifest["tolerance"], manifest["near_ties"]) == (1000, [2000, 2000])


def test_the_report_has_a_panel_for_each_layer(explain, genes, bench):
    report = bench.out / "out.html"
    explain(REGION, "out.tsv", "--genes", genes, "--report", report)
    page = report.read_text()
    assert "Expert routing in 1:501-1500" in page
    assert "layer 0" in page
    assert "layer 1" in page
    assert "http://" not in page
    assert "https://" not in page
    explain(REGION, "again.tsv", "--genes", genes, "--report", bench.out / "again.html")
    assert (bench.out / "again.html").read_text() == page


def test_a_model_without_experts_is_refused_before_anything_is_written(explain, bench, tmp_path):
    folder = tmp_path / "markov"
    save_folder(folder, fit([bench.sequences["1"]], 2), NucleotideTokenizer(), MODEL, {"license": "mit"})
    assert "a Markov model has no experts" in explain(REGION, "out.tsv", "-m", folder).error
    assert bench.left() == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--class", "repeats"], "write NAME=FILE"),
        (["--class", "exons=x.bed"], "there is a class 'exons' already"),
        (["--class", "x=nothing.bed"], "nothing.bed"),
        (["--genes", "nothing.gtf"], "nothing.gtf"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(explain, bench, more, message):
    assert message in explain(REGION, "out.tsv", *more).error
    assert bench.left() == []


def test_a_killed_run_resumes_to_the_same_files(explain, installed, bench):
    words = ["2", "-r", bench.folder / "genome.fa", "-o", bench.out / "out.tsv", "-m", bench.model]
    line = [str(word) for word in [*installed, "explain", *words, "--width", 64, "--threads", 1]]
    journal = bench.out / "out.tsv.journal"
    with subprocess.Popen(line) as process:
        while process.poll() is None and (not journal.exists() or journal.stat().st_size < 6000):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert bench.left() == ["out.tsv.journal"]
    assert explain("2", "out.tsv", "--resume").code == 0
    resumed = {path.name: path.read_bytes() for path in bench.out.iterdir()}
    explain("2", "out.tsv")
    assert resumed == {path.name: path.read_bytes() for path in bench.out.iterdir()}
