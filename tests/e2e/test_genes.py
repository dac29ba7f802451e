"""`cistron genes`: vectors of genes, tasks in gene-benchmark's format, its protocol, and a ranking."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cistron.formats.gene_tasks import GeneTask, write_gene_task
from cistron.formats.labelled_sequences import read_rows
from cistron.formats.named_vectors import read_named_vectors

pytest.importorskip("sklearn")

Run = Callable[..., Any]
SYMBOLS = [f"G{number}" for number in range(12)]


@pytest.fixture
def annotation(bench: Any) -> Path:
    """Twelve genes of 60 bp along contig 1, on alternating strands, and one symbol at two places."""
    lines = [
        f"1\tX\tgene\t{101 + 200 * at}\t{160 + 200 * at}\t.\t{'+-'[at % 2]}\t.\tID={name};gene_name={name}"
        for at, name in enumerate(SYMBOLS)
    ]
    lines += [
        f"{contig}\tX\tgene\t{start}\t{start + 50}\t.\t+\t.\tID=t{contig};gene_name=TWICE"
        for contig, start in ((1, 2900), (2, 100))
    ]
    path = Path(bench.folder) / "genes.gff3"
    path.write_text("\n".join(["##gff-version 3", *lines]) + "\n")
    return path


@pytest.fixture
def vectors(bench: Any, command: Run, annotation: Path) -> Path:
    out = Path(bench.out) / "vectors.csv"
    ran = command(
        "genes", "embed", "-r", bench.fasta(), "-a", annotation, "-o", out, "-m", bench.model, "--width", 64
    )
    assert ran.code == 0, ran.err
    return out


@pytest.fixture
def tasks(bench: Any) -> Path:
    folder = Path(bench.folder) / "tasks"
    labels = random.Random(1).sample(["yes"] * 6 + ["no"] * 6, 12)
    rows = tuple((name,) for name in SYMBOLS)
    write_gene_task(
        folder, GeneTask("Some", ("symbol",), rows, ("Outcomes",), tuple((each,) for each in labels))
    )
    pairs = tuple((one, other) for one, other in zip(SYMBOLS, [*SYMBOLS[1:], "GONE"], strict=True))
    outcomes = tuple((str(at % 2), str(at // 6)) for at in range(12))
    write_gene_task(folder, GeneTask("Pairs", ("symbol", "symbol"), pairs, ("a", "b"), outcomes))
    return folder


def test_every_gene_gets_a_vector_and_a_model_file_and_a_manifest_beside(vectors: Path) -> None:
    names, found = read_named_vectors(vectors)
    assert names == SYMBOLS
    assert found.shape[0] == 12
    assert vectors.with_suffix(".yaml").read_text().startswith("encoder:")
    manifest = json.loads(Path(f"{vectors}.manifest.json").read_text())
    assert manifest["genes"] == {"written": 12, "asked": 12, "at_several_places": ["TWICE"]}
    assert manifest["gene"]["region"] == "tss"


def test_a_stopped_run_goes_on_with_its_cache_and_writes_the_same(
    bench: Any, command: Run, annotation: Path, vectors: Path
) -> None:
    words = ("-r", bench.fasta(), "-a", annotation, "-m", bench.model, "--width", 64)
    for name in ("first.csv", "again.csv"):
        cache = Path(bench.folder) / "cache"
        assert command("genes", "embed", *words, "-o", bench.out / name, "--cache", cache).code == 0
        assert (bench.out / name).read_bytes() == vectors.read_bytes()


def test_tasks_are_run_seeded_and_reported_in_the_columns_of_gene_benchmark(
    command: Run, bench: Any, vectors: Path, tasks: Path
) -> None:
    report = bench.out / "report.csv"
    words = ("genes", "run", "-tf", tasks, "-m", vectors.with_suffix(".yaml"), "-o", report)
    assert command(*words, "-t", "Some").code == 0
    ran = command(*words, "-t", "Some", "-t", "Pairs;a")
    assert ran.code == 0, ran.err
    first, again, pairs = read_rows(report, ("task_name", "test_roc_auc", "mean_roc_auc", "class_sizes"))
    assert first == again
    assert first["class_sizes"] == "6,6"
    assert (pairs["task_name"], pairs["sub_task"], pairs["rows_without_vector"]) == ("Pairs", "a", "1")
    assert "1 rows without a vector left out" in ran.err
    line = report.read_text().splitlines()[0]
    assert line.startswith(
        "task_name,base_prediction_model,sample_size,class_sizes,classes_names,encoder class,"
    )


def test_models_are_ranked_over_tasks(command: Run, bench: Any, vectors: Path, tasks: Path) -> None:
    other = bench.folder / "other.yaml"
    other.write_text(vectors.with_suffix(".yaml").read_text().replace("tiny, tss", "other"))
    report = bench.out / "report.csv"
    words = ("-m", vectors.with_suffix(".yaml"), "-m", other, "-o", report)
    assert command("genes", "run", "-tf", tasks, "-t", "Some", "-t", "Pairs;a", *words).code == 0
    found = json.loads(command("genes", "rank", report, "--json").out)
    assert found["tasks"] == 2
    assert found["mean_rank"] == {"other": 1.5, "tiny, tss": 1.5}
    assert found["pairs"][0]["adjusted"] == 1.0
    assert b"tie" in command("genes", "rank", report).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-t", "Som"), "did you mean Some"),
        (("-t", "Pairs;z"), "no outcome of task 'Pairs' is called 'z'"),
        (("-t", "Some", "-i", "list.txt"), "nothing of task 'Some' is left"),
        (("-t", "Some", "-e", "missing.txt"), "there is no file missing.txt"),
        (("-t", "Some", "-s", "multi"), "is no multi task"),
    ],
)
def test_what_the_caller_can_fix_is_one_line(
    command: Run,
    bench: Any,
    vectors: Path,
    tasks: Path,
    words: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(bench.folder)
    Path("list.txt").write_text("NOBODY\n")
    ran = command("genes", "run", "-tf", tasks, "-m", vectors.with_suffix(".yaml"), "-o", "r.csv", *words)
    assert message in ran.error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "out.tsv"), "gene-benchmark reads tables that end in .csv"),
        (("-o", "out.csv", "--region", "cds"), "none of the 12 genes has the region cds"),
        (("-o", "out.csv", "--genes", "list.txt"), "none of the 1 genes has the region tss"),
        (("-o", "out.csv", "--layer", "nowhere"), "nowhere"),
    ],
)
def test_an_embedding_that_cannot_be_is_one_line(
    command: Run,
    bench: Any,
    annotation: Path,
    words: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(bench.folder)
    Path("list.txt").write_text("NOBODY\n")
    ran = command("genes", "embed", "-r", bench.fasta(), "-a", annotation, "-m", bench.model, *words)
    assert message in ran.error
    assert not Path("out.csv").exists()


def test_tasks_at_hand_are_written_and_what_is_not_is_said(command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data/benchmarks/hpa_elevated_tissue"
    folder.mkdir(parents=True)
    for name, genes in (("brain", "A\nB\n"), ("liver", "B\n")):
        with gzip.open(folder / f"{name}.tsv.gz", "wt") as stream:
            stream.write("Gene\tEnsembl\n" + "".join(f"{gene}\tE\n" for gene in genes.split()))
    ran = command("genes", "tasks", "-o", tmp_path / "tasks", "--data", tmp_path / "data")
    assert ran.code == 0, ran.err
    assert "benchmarks/gene2gene is not in the data folder" in ran.err
    assert (tmp_path / "tasks/HPA elevated tissue/outcomes.csv").read_text() == "brain,liver\n1,0\n1,1\n"
    ran = command("genes", "tasks", "-o", tmp_path / "none", "--data", tmp_path)
    assert ran.code == 1
    assert "no gene task's data is at hand" in ran.err
