"""`cistron mutate`: every substitution of a region or gene, as a table, a picture and a page."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

Run = Callable[..., Any]
REGION = "1:1,001-1,010"


@pytest.fixture
def mutate(command: Run, bench: Any) -> Run:
    """Runs `cistron mutate TARGET` on the bench's genome with the tiny model at a width of 64 bp."""

    def run(target: object, output: str = "out.tsv", *more: object) -> Any:
        words = [target, "-r", bench.folder / "genome.fa", "-o", bench.out / output, "-m", bench.model]
        return command("mutate", *words, "--width", 64, *more)

    bench.fasta()
    return run


@pytest.fixture
def genes(bench: Any) -> Path:
    """Two genes on contig 1; that on the minus strand has two exons and coding sequence."""
    path = bench.folder / "genes.gtf"
    rows = [
        ("gene", 1001, 1060, "-", "MINUS"),
        ("exon", 1001, 1012, "-", "MINUS"),
        ("exon", 1051, 1060, "-", "MINUS"),
        ("CDS", 1005, 1010, "-", "MINUS"),
        ("gene", 2001, 2003, "+", "PLUS"),
        ("exon", 2001, 2003, "+", "PLUS"),
    ]
    path.write_text("".join(f'1\tx\t{k}\t{a}\t{b}\t.\t{s}\t.\tgene_name "{n}";\n' for k, a, b, s, n in rows))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a TSV as texts by column."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("##")]
    names, *rows = (line.split("\t") for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_every_substitution_has_the_score_that_cistron_score_gives(mutate, score, bench):
    assert mutate(REGION, "out.tsv", "--window-slack", 0).code == 0
    found = rows_of(bench.out / "out.tsv")
    records = [f"1 {row['pos']} {row['ref']} {row['alt']}" for row in found]
    score(bench.vcf(*records), bench.folder / "genome.fa", bench.out / "scored.tsv")
    assert len(found) == 30
    for ours, theirs in zip(found, rows_of(bench.out / "scored.tsv"), strict=True):
        assert {name: theirs[name] for name in ours} == ours


def test_deletions_are_added_to_each_position(mutate, bench):
    mutate(REGION, "out.tsv", "--deletions")
    found = rows_of(bench.out / "out.tsv")
    assert [len(row["ref"]) for row in found] == [1, 1, 1, 2] * 10
    assert {row["status"] for row in found} == {""}


def test_the_parquet_table_holds_the_same_rows(mutate, bench):
    mutate(REGION, "out.tsv")
    mutate(REGION, "out.parquet")
    table = pq.read_table(bench.out / "out.parquet")
    assert table.column_names == ["chrom", "pos", "ref", "alt", "llr", "flank", "status"]
    texts = [(str(row["pos"]), row["alt"], f"{row['llr']:.6g}") for row in table.to_pylist()]
    assert texts == [(row["pos"], row["alt"], row["llr"]) for row in rows_of(bench.out / "out.tsv")]


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
def test_estimates_fill_the_same_table(mutate, bench, method):
    ran = mutate(REGION, "out.tsv", "--method", method, "--json")
    found = rows_of(bench.out / "out.tsv")
    assert len(found) == 30
    assert all(row["llr"] for row in found)
    assert all(bool(row["flank"]) == (method == "gradient") for row in found)
    assert json.loads(ran.out)["method"] == method


def test_a_gene_is_found_by_name_and_cut_to_its_parts(mutate, genes, bench):
    for part, positions in (("all", 60), ("exons", 22), ("cds", 6)):
        ran = mutate("minus", "out.tsv", "--genes", genes, "--part", part, "--method", "gradient", "--json")
        summary = json.loads(ran.out)
        assert (summary["target"], summary["strand"], summary["bases"]) == ("MINUS", "-", positions)
        assert summary["changes"] == summary["scored"] == 3 * positions


def test_the_summary_names_the_lowest_scores(mutate, bench):
    summary = json.loads(mutate(REGION, "out.tsv", "--json").out)
    values = sorted(float(row["llr"]) for row in rows_of(bench.out / "out.tsv"))
    assert [change["llr"] for change in summary["lowest"]] == pytest.approx(values[:10], rel=1e-4)
    assert summary["mean_llr"] == pytest.approx(sum(values) / 30, rel=1e-4)


def test_the_manifest_says_how_windows_were_shared(mutate, bench):
    mutate(REGION)
    manifest = json.loads((bench.out / "out.tsv.manifest.json").read_text())
    assert (manifest["width"], manifest["window_slack"], manifest["method"]) == (64, 16, "ism")
    assert manifest["changes"] == {"SCORED": 30}
    assert manifest["command"].startswith("cistron")


def test_the_report_is_one_file_that_reads_the_gene_in_its_own_direction(mutate, genes, bench):
    report, png = bench.out / "out.html", bench.out / "out.png"
    words = ["--genes", genes, "--method", "gradient", "--report", report, "--png", png]
    mutate("MINUS", "out.tsv", *words)
    page = report.read_text()
    assert "Saturation mutagenesis of MINUS" in page
    assert "the minus strand" in page
    assert "first-order estimate" in page
    assert not re.search("https?://", page)
    assert png.read_bytes().startswith(b"\x89PNG")
    again = bench.out / "again.html"
    mutate("MINUS", "again.tsv", "--genes", genes, "--method", "gradient", "--report", again)
    assert again.read_text() == page
    files = ("again.html", "again.tsv", "again.tsv.manifest.json")
    assert bench.left() == [*files, "out.html", "out.png", "out.tsv", "out.tsv.manifest.json"]


def test_expert_routing_joins_the_report(mutate, genes, bench):
    report = bench.out / "out.html"
    words = ["--genes", genes, "--method", "gradient", "--report", report, "--explain"]
    assert mutate("PLUS", "out.tsv", *words).code == 0
    page = report.read_text()
    assert "Which experts fire" in page
    assert "Counted over 1:1,489-2,515." in page


def test_positions_that_are_n_are_passed_over(mutate, bench):
    bases = bench.sequences["1"]
    bench.fasta(**{"1": bases[:1003] + "N" + bases[1004:]})
    mutate(REGION)
    assert "1004" not in {row["pos"] for row in rows_of(bench.out / "out.tsv")}
    assert len(rows_of(bench.out / "out.tsv")) == 27


@pytest.mark.parametrize(
    ("target", "more", "message"),
    [
        ("1:4000-4010", [], "holds no bases"),
        ("7:1-10", [], "there is no contig '7'; the contigs are 1, 2"),
        ("1:20", [], "has no end; write 1:20-20 for one base"),
        ("PRNP", [], "'PRNP' is no contig of genome.fa; write CHROM:START-END, or give --genes"),
        (REGION, ["--part", "cds"], "--part cds goes with the name of a gene"),
        (REGION, ["--method", "gradient", "--deletions"], "use method 'ism' for deletions"),
        (REGION, ["--window-slack", 17], "give 0 to 16"),
        (REGION, ["--suffix", "some"], "give exact, auto or a positive number"),
        (REGION, ["--explain"], "name it with --report OUT.html"),
        (REGION, ["--genes", "nothing.gtf"], "nothing.gtf"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(mutate, bench, target, more, message):
    assert message in mutate(target, "out.tsv", *more).error
    assert bench.left() == []


def test_genes_are_refused_with_a_reason(mutate, genes, bench):
    assert "did you mean PLUS" in mutate("PLU", "out.tsv", "--genes", genes).error
    assert "gene PLUS has no coding sequence in genes.gtf; use --part exons" in (
        mutate("PLUS", "out.tsv", "--genes", genes, "--part", "cds").error
    )
    assert bench.left() == []


def test_outputs_are_checked_before_anything_is_scored(mutate, bench):
    assert "a table ends in .tsv, .tsv.gz or .parquet" in mutate(REGION, "out.csv").error
    same = bench.out / "out.tsv"
    assert "outputs must differ" in mutate(REGION, "out.tsv", "--png", same).error
    assert "does not exist" in mutate(REGION, "out.tsv", "--report", bench.out / "no" / "out.html").error
    genome = bench.folder / "genome.fa"
    assert "is the input" in mutate(REGION, "out.tsv", "--report", genome).error
    assert bench.left() == []


def test_a_killed_run_resumes_to_the_same_files(mutate, installed, bench):
    target, journal = "1:1001-1200", bench.out / "out.tsv.journal"
    words = [target, "-r", bench.folder / "genome.fa", "-o", bench.out / "out.tsv", "-m", bench.model]
    line = [str(word) for word in [*installed, "mutate", *words, "--width", 64, "--threads", 1]]
    with subprocess.Popen(line) as process:
        while process.poll() is None and (not journal.exists() or journal.stat().st_size < 5000):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert bench.left() == ["out.tsv.journal"]
    kept = journal.stat().st_size
    assert mutate(target, "out.tsv", "--resume").code == 0
    resumed = {path.name: path.read_bytes() for path in bench.out.iterdir()}
    mutate(target, "out.tsv")
    assert resumed == {path.name: path.read_bytes() for path in bench.out.iterdir()}
    assert sorted(resumed) == ["out.tsv", "out.tsv.manifest.json"]
    assert kept > 4000  # otherwise the run was stopped too early for this test to mean anything
