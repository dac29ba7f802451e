"""`cistron eval` on what goes wrong: files, answers, disks, and models that cannot."""

from __future__ import annotations

import csv
import gzip
import json
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("sklearn")

Run = Callable[..., Any]
FILE = "benchmarks/gue/tf/0/{part}.csv.gz"


def _write(
    data: Path, part: str, rows: list[tuple[str, object]], header: tuple[str, str] = ("sequence", "label")
) -> None:
    path = data / FILE.format(part=part)
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def _rows(count: int, seed: int) -> list[tuple[str, object]]:
    bases = random.Random(seed)
    weights = ((3, 1, 1, 3), (1, 3, 3, 1))
    return [("".join(bases.choices("ACGT", weights=weights[at % 2], k=60)), at % 2) for at in range(count)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one set of GUE: class 1 has more G and C."""
    for part, count, seed in (("train", 60, 1), ("test", 40, 2)):
        _write(tmp_path / "data", part, _rows(count, seed))
    return tmp_path / "data"


@pytest.fixture
def evaluate(command: Run, data: Path, tiny: Path, tmp_path: Path) -> Run:
    """Runs `cistron eval run gue/tf/0` with the tiny model, without twins, into `tmp_path/results`."""

    def run(*words: object) -> Any:
        out = tmp_path / "results"
        return command("eval", "run", "gue/tf/0", "--no-twins", "-m", tiny, "-o", out, "--data", data, *words)

    return run


def _row(tmp_path: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "results/gue/tf/0" / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([("ACGT", 1)], ("bases", "label"), "has no column sequence; its header is: bases, label"),
        ([("ACGT", 1), ("ACXT", 0)], ("sequence", "label"), "sequence 2 holds 'ACXT…', which is not DNA"),
        ([("ACGT", 1), ("ACGG", "")], ("sequence", "label"), "sequence 2 has no label"),
        ([("ACGT", 1), ("ACGG", 1)], ("sequence", "label"), "all 2 training examples are of class '1'"),
        ([], ("sequence", "label"), "holds no rows below its header"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    evaluate: Run, data: Path, rows: list[tuple[str, object]], header: tuple[str, str], message: str
) -> None:
    _write(data, "train", rows, header)
    ran = evaluate()
    assert ran.code == 1
    assert message in ran.err.splitlines()[-1]


def test_an_embedding_that_is_not_a_number_names_its_item_and_leaves_the_other_rows(
    evaluate: Run, command: Run, data: Path, tmp_path: Path
) -> None:
    fasta = tmp_path / "sequences.fa"
    assert command("eval", "export", "gue/tf/0", "-o", fasta, "--data", data).code == 0
    names = [line[1:].strip() for line in fasta.read_text().splitlines() if line.startswith(">")]
    table = "".join(f"{name},{'nan' if number == 7 else number}\n" for number, name in enumerate(names))
    (tmp_path / "broken.csv").write_text("id,0\n" + table)
    ran = evaluate("-m", tmp_path / "broken.csv")
    item = fasta.read_text().splitlines()[15][:40]
    assert f"broken gave 1 answers that are not numbers, the first to item '{item}'" in ran.err
    assert _row(tmp_path, "tiny")["metrics"]
    assert _row(tmp_path, "majority")["metrics"]


def test_a_sequence_beyond_the_context_skips_the_model_with_the_reason_in_the_report(
    evaluate: Run, data: Path, tmp_path: Path
) -> None:
    _write(data, "test", [*_rows(20, 3), ("ACGT" * 1_500, 1)])
    ran = evaluate()
    assert ran.code == 0
    assert "needs 6,000 tokens; the model's context is 4,096" in ran.err
    assert "needs 6,000 tokens" in (tmp_path / "results/report.html").read_text()
    assert _row(tmp_path, "words-of-5-bases")["metrics"]


def test_sequences_that_occur_twice_are_drawn_together_and_told_in_the_audit(
    evaluate: Run, data: Path, tmp_path: Path
) -> None:
    rows = _rows(40, 2)
    _write(data, "test", [*rows, *rows[:10]])
    _write(data, "train", [*_rows(60, 1), *rows[:5]])
    assert evaluate().code == 0
    row = _row(tmp_path, "tiny")
    assert row["metrics"][0]["n"] == 40
    assert pq.read_table(tmp_path / "results/gue/tf/0/tiny.parquet").num_rows == 50
    task = json.loads((tmp_path / "results/gue/tf/0/task.json").read_text())
    assert "10 of 50 test sequences" in task["badges"][0]["finding"]
    assert task["badges"][0]["verdict"] == "leak"


def test_a_full_disk_is_one_line_and_what_was_answered_stays_valid(
    process: Run, command: Run, data: Path, tiny: Path, tmp_path: Path
) -> None:
    words = ["eval", "run", "gue/tf/0", "--no-twins", "-m", tiny, "--data", data]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))

    full = process(*words, "-o", tmp_path / "full", preexec_fn=limited)
    assert full.code == 1
    assert full.err.splitlines()[-1].startswith("cistron: ")
    assert "Traceback" not in full.err
    again = command(*words, "-o", tmp_path / "full", "--resume")
    assert again.code == 0, again.err
    assert command(*words, "-o", tmp_path / "fresh").code == 0
    ours, theirs = (
        json.loads((tmp_path / name / "gue/tf/0/tiny.json").read_text())["metrics"]
        for name in ("full", "fresh")
    )
    assert ours == theirs


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_in_the_same_rows(
    installed: list[str], command: Run, data: Path, tiny: Path, tmp_path: Path
) -> None:
    bases = random.Random(5)
    _write(data, "train", [("".join(bases.choices("ACGT", k=300)), at % 2) for at in range(160)])
    words = ["eval", "run", "gue/tf/0", "--no-twins", "-m", str(tiny), "--data", str(data), "--threads", "1"]
    out = tmp_path / "killed"
    running = subprocess.Popen([*installed, *words, "-o", str(out)], stderr=subprocess.DEVNULL)
    while running.poll() is None and not _answered(out):
        time.sleep(0.005)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert not (out / "gue/tf/0/task.json").exists()
    kept = _answered(out)
    assert command(*words, "-o", out, "--resume").code == 0
    assert command(*words, "-o", tmp_path / "whole").code == 0
    assert 0 < kept < _answered(out)
    for name in ("tiny.json", "tiny.parquet", "tiny-labels-shuffled.json", "majority.json", "task.json"):
        ours, theirs = ((folder / "gue/tf/0" / name).read_bytes() for folder in (out, tmp_path / "whole"))
        assert ours == theirs


def _answered(out: Path) -> int:
    """Bytes of the journals of answers beyond what they say of themselves."""
    return sum(max(path.stat().st_size - 2_000, 0) for path in (out / "answers").glob("*.journal"))


def test_a_genome_of_another_build_is_told_by_what_lies_beyond_its_end(command: Run, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    (tmp_path / "genome.fa").write_text(">chr20\n" + "ACGTTGCAAC" * 100 + "\n")
    lines = ["##fileformat=VCFv4.3", "##contig=<ID=20>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"20\t{pos}\t.\tA\tC\t.\t.\t." for pos in (101, 5_001)]
    (tmp_path / "in.vcf").write_text("\n".join(lines) + "\n")
    own = ["--set", f"vcf={tmp_path / 'in.vcf'}", "--set", f"fasta={tmp_path / 'genome.fa'}"]
    ran = command("eval", "run", "hotspot/chr20", *own, "-m", "default", "-o", tmp_path / "out")
    assert ran.code == 1
    said = "has a variant at 5,001, beyond the 1,000 bp of chr20; is it of another build?"
    assert said in ran.err.splitlines()[-1]


def test_a_class_that_is_told_and_never_trained_on_is_refused(evaluate: Run, data: Path) -> None:
    _write(data, "test", [*_rows(20, 3), ("ACGTACGTAC", 7)])
    said = "class '7' of the test part does not occur in the training part"
    assert said in evaluate().err.splitlines()[-1]


@pytest.mark.parametrize("name", ["cut.parquet", "cut.csv.gz"])
def test_a_table_that_is_cut_short_is_told_before_anything_is_asked(
    evaluate: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"PAR1\x1f\x8b" if name.endswith("parquet") else b"\x1f\x8b\x08\x00")
    assert name in evaluate("-m", tmp_path / name).error
    assert not (tmp_path / "results/answers").exists()


def test_validation_counts_what_is_there_and_fails_on_what_is_damaged(
    evaluate: Run, command: Run, data: Path, tmp_path: Path
) -> None:
    found = command("eval", "validate", "gue/tf", "--data", data, "--json")
    verdicts = {each["name"]: each for each in json.loads(found.out)}
    assert found.code == 0
    assert verdicts["gue/tf/0"]["told"].startswith("100 sequences; train.csv.gz ")
    assert verdicts["gue/tf/1"]["verdict"] == "missing"
    path = data / FILE.format(part="train")
    path.write_bytes(path.read_bytes()[:-30])
    found = command("eval", "validate", "gue/tf", "--data", data)
    assert found.code == 1
    assert "1 of 5 are damaged, the first gue/tf/0" in found.err


def test_results_that_no_longer_say_what_their_items_say_are_found(
    evaluate: Run, command: Run, tmp_path: Path
) -> None:
    evaluate()
    results = tmp_path / "results"
    assert command("eval", "validate", "--results", results).code == 0
    path = results / "gue/tf/0/tiny.json"
    row = json.loads(path.read_text())
    row["metrics"][0]["value"] = 0.999
    path.write_text(json.dumps(row))
    found = command("eval", "validate", "--results", results)
    assert found.code == 1
    assert "mcc is 0.999000, but its items give" in found.out.decode()
    (results / "gue/tf/0/majority.parquet").unlink()
    assert "2 of 6 are damaged" in command("eval", "validate", "--results", results).err
    path.write_text(path.read_text()[:50])
    assert "is not a result of cistron eval" in command("eval", "validate", "--results", results).out.decode()


def test_the_probe_of_a_run_is_chosen_and_said(evaluate: Run, tmp_path: Path) -> None:
    pytest.importorskip("xgboost")
    assert evaluate("--probe", "xgboost").code == 0
    assert _row(tmp_path, "tiny")["identity"]["options"]["probe"] == "xgboost"
    assert "probe of every row: xgboost" in (tmp_path / "results/report.html").read_text()
    assert "no probe for classes is called 'guess'; known: logistic" in evaluate("--probe", "guess").err


def test_fine_tuning_trains_the_model_itself(evaluate: Run, tmp_path: Path) -> None:
    ran = evaluate("--probe", "fine-tune", "--set", "mode=frozen", "--limit", 40)
    assert ran.code == 0, ran.err
    row = _row(tmp_path, "tiny")
    assert len(row["metrics"]) == 5
    assert row["metrics"][0]["n"] == 40
    assert "the model is trained on each fold, mode frozen" in (tmp_path / "results/report.html").read_text()
