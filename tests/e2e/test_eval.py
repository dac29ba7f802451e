"""`cistron eval` on a miniature of GUE in its official format."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")

Run = Callable[..., Any]


def _sequences(count: int, seed: int) -> list[tuple[str, int]]:
    bases = random.Random(seed)
    return [
        ("".join(bases.choices("ACGT", weights=(3, 1 + 2 * (at % 2), 1 + 2 * (at % 2), 3), k=60)), at % 2)
        for at in range(count)
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one set of GUE: class 1 has more G and C."""
    folder = tmp_path / "data"
    for name in ("tf/0", "tf/1"):
        (folder / "benchmarks/gue" / name).mkdir(parents=True)
        for part, count, seed in (("train", 60, 1), ("test", 40, 2)):
            with gzip.open(folder / "benchmarks/gue" / name / f"{part}.csv.gz", "wt") as stream:
                writer = csv.writer(stream)
                writer.writerow(("sequence", "label"))
                writer.writerows(_sequences(count, seed))
    return folder


@pytest.fixture
def evaluate(command: Run, data: Path, tiny: Path, tmp_path: Path) -> Run:
    """Runs `cistron eval run` into `tmp_path/results`."""

    def run(*words: object) -> Any:
        out = tmp_path / "results"
        return command("eval", "run", *words, "-m", tiny, "-o", out, "--data", data)

    return run


def test_a_run_writes_rows_items_a_table_and_a_page(evaluate: Run, tmp_path: Path) -> None:
    ran = evaluate("gue/tf/0")
    assert ran.code == 0, ran.err
    folder = tmp_path / "results"
    row = json.loads((folder / "gue/tf/0/tiny.json").read_text())
    assert row["metrics"][0]["name"] == "mcc"
    assert row["metrics"][0]["low"] <= row["metrics"][0]["value"] <= row["metrics"][0]["high"]
    assert set(row["identity"]["data"]) == {
        f"benchmarks/gue/tf/0/{part}.csv.gz" for part in ("train", "test")
    }
    names = {path.name for path in (folder / "gue/tf/0").glob("*.json")}
    assert names == {
        "task.json",
        "tiny.json",
        "tiny-labels-shuffled.json",
        "tiny-random-weights.json",
        "majority.json",
        "length-GC-CpG.json",
        "words-of-5-bases.json",
        "Markov-4-for-each-class.json",
    }
    page = (folder / "report.html").read_text()
    assert "clean" in page
    assert "length, GC, CpG" in page
    assert len((folder / "results.tsv").read_text().splitlines()) == 1 + 7 * 5


def test_a_resumed_run_gives_the_same_bytes_and_asks_nothing(
    evaluate: Run, command: Run, tmp_path: Path
) -> None:
    evaluate("gue/tf/0", "--no-twins", "--limit", 20)
    folder = tmp_path / "results"
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.suffix in (".json", ".parquet")}
    assert evaluate("gue/tf/0", "--no-twins", "--limit", 20, "--resume").code == 0
    assert {path: path.read_bytes() for path in before} == before
    assert command("eval", "report", folder).code == 0


def test_two_rows_of_a_run_are_compared(evaluate: Run, command: Run, tmp_path: Path) -> None:
    evaluate("gue/tf/0", "--no-twins")
    folder = tmp_path / "results/gue/tf/0"
    ran = command("eval", "compare", folder / "length-GC-CpG.json", folder / "majority.json", "--json")
    (found,) = json.loads(ran.out)
    assert found["verdict"] == "first"
    ran = command("eval", "compare", folder / "majority.json", folder / "majority.json")
    assert b"tie" in ran.out


def test_tasks_are_listed_with_what_they_need(command: Run, data: Path) -> None:
    ran = command("eval", "ls", "gue/tf", "--data", data, "--json")
    found = {entry["name"]: entry["missing"] for entry in json.loads(ran.out)}
    assert found["gue/tf/0"] is None
    assert found["gue/tf/2"].startswith("needs benchmarks/gue/tf/2/train.csv.gz, which is not in")


def test_an_audit_needs_no_model(command: Run, data: Path) -> None:
    ran = command("eval", "audit", "gue/tf/0", "--data", data, "--json")
    assert json.loads(ran.out)["gue/tf/0"][0]["verdict"] == "clean"


def test_a_task_without_data_is_skipped_and_the_others_run(evaluate: Run, tmp_path: Path) -> None:
    ran = evaluate("gue/tf/0", "gue/tf/2", "--no-twins", "--limit", 20)
    assert ran.code == 0
    assert "gue/tf/2 skipped: needs benchmarks/gue/tf/2/train.csv.gz" in ran.err
    assert "which is not in" in (tmp_path / "results/report.html").read_text()


def test_a_damaged_task_fails_by_name_after_the_others_ran(evaluate: Run, data: Path, tmp_path: Path) -> None:
    path = data / "benchmarks/gue/tf/1/train.csv.gz"
    path.write_bytes(path.read_bytes()[:-30])
    ran = evaluate("gue/tf", "--no-twins", "--limit", 20)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("cistron: gue/tf/1: ")
    assert "is cut short; get the file again" in ran.err
    assert (tmp_path / "results/gue/tf/0/tiny.json").exists()
    assert (tmp_path / "results/report.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gue/tf/77",), "no task or suite is called 'gue/tf/77'"),
        (("gue/tf/3",), "gue/tf/3 needs benchmarks/gue/tf/3/train.csv.gz, which is not in"),
        (("gue/tf/0", "--set", "colour=red"), "no task of this run has an option 'colour'; known: layer"),
        (("gue/tf/0", "--set", "layer"), "--set layer is not of the form OPTION=VALUE"),
        (("gue/tf/0", "-m", "nowhere"), "nowhere"),
    ],
)
def test_what_the_caller_can_fix_is_one_line(evaluate: Run, words: tuple[str, ...], message: str) -> None:
    assert message in evaluate(*words).error


def test_an_unknown_layer_skips_the_model_and_not_the_baselines(evaluate: Run, tmp_path: Path) -> None:
    ran = evaluate("gue/tf/0", "--no-twins", "--set", "layer=blocks.99.mlp")
    assert ran.code == 0
    assert "no numbers for tiny: sequences: " in ran.err
    assert json.loads((tmp_path / "results/gue/tf/0/majority.json").read_text())["metrics"]


def test_vectors_made_elsewhere_give_what_the_model_gives(
    evaluate: Run, command: Run, data: Path, tiny: Path, tmp_path: Path
) -> None:
    fasta, table = tmp_path / "sequences.fa", tmp_path / "elsewhere.parquet"
    assert command("eval", "export", "gue/tf/0", "-o", fasta, "--data", data).code == 0
    assert command("embed", fasta, "-o", table, "-m", tiny).code == 0
    ran = evaluate("gue/tf/0", "--no-twins", "-m", table)
    assert ran.code == 0, ran.err
    folder = tmp_path / "results/gue/tf/0"
    ours, theirs = (json.loads((folder / f"{name}.json").read_text()) for name in ("tiny", "elsewhere"))
    assert ours["metrics"] == theirs["metrics"]


def test_a_table_that_lacks_sequences_is_skipped_by_name(evaluate: Run, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("id,0\nabc,1\n")
    ran = evaluate("gue/tf/0", "--no-twins", "-m", tmp_path / "few.csv", "--limit", 20)
    assert "no numbers for few: sequences: the table lacks 40 of 40 sequences" in ran.err
