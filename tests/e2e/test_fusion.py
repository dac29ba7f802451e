"""Train a small fused model, judge it with all its rows, and ask it one question."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from cistron.fusion.run import DnaSettings, FusionRun, LanguageSettings, ProjectorSettings
from cistron.fusion.saved import build, save_fused

Run = Any  # conftest's, which pytest does not let tests import
Bench = Any
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def records(bench: Bench, count: int, *, name: str = "records.jsonl") -> Path:
    """Records of alleles on contig 1, from a VCF with a label, through `fusion convert`."""
    draw = random.Random(3)
    lines = [
        f"{bench.snv(100 + 20 * n)} DISEASE={draw.choice(['gout', 'ague', 'croup'])}" for n in range(count)
    ]
    header = ('##INFO=<ID=DISEASE,Number=1,Type=String,Description="d">', "##contig=<ID=1,length=3000>")
    bench.vcf(*lines, header=header)
    genes = "".join(f"1\t{90 + 40 * n}\t{130 + 40 * n}\tGENE{n}\t0\t+\n" for n in range(30))
    (bench.folder / "genes.bed").write_text(genes)
    return Path(bench.folder / name)


@pytest.fixture
def converted(bench: Bench, command: Run) -> Path:
    path = records(bench, 60)
    options = ["--genes", bench.folder / "genes.bed", "--label", "DISEASE", "--width", 101, "-o", path]
    ran = command("fusion", "convert", bench.folder / "in.vcf", "-r", bench.fasta(), *options)
    assert ran.code == 0, ran.err
    return path


def test_a_vcf_becomes_records_with_sequences_gene_and_answer(bench: Bench, converted: Path) -> None:
    first = json.loads(converted.read_text().splitlines()[0])
    reference = first["reference_sequence"]
    assert reference in bench.sequences["1"]
    differing = [
        n for n, pair in enumerate(zip(reference, first["variant_sequence"], strict=True)) if len({*pair}) > 1
    ]
    assert differing == [50]
    assert (first["gene"], "GENE0 allele" in first["question"]) == ("GENE0", True)
    assert first["answer"] in ("gout", "ague", "croup")
    assert json.loads(Path(f"{converted}.manifest.json").read_text())["records"] == 60


def test_train_evaluate_predict_and_ask(bench: Bench, command: Run, converted: Path, language: Path) -> None:
    run = bench.out / "run"
    small = ["dna.width=65", "projector.positions=2", "projector.inner=16", "projector.depth=1"]
    small += [
        "language.dtype=float32",
        "language.rank=4",
        "epochs=1",
        "batch=16",
        "records.shares=0.6,0.2,0.2",
        f"dna.model={bench.model}",
    ]
    settings = [word for one in small for word in ("--set", one)]
    words = ["--records", converted, "--language", language, "--rivals", *settings]
    trained = command("fusion", "train", "-o", run, *words)
    assert trained.code == 0, trained.err
    assert {path.name for path in (run / "rivals").iterdir()} == {"text", "text-nameless", "dna"}

    judged = command("fusion", "evaluate", run, "-o", bench.out / "judged", "--compat", "--free", 2)
    assert judged.code == 0, judged.err
    results = json.loads((bench.out / "judged/results.json").read_text())
    names = [row["name"] for row in results["rows"]]
    assert names == [
        *("majority", "gene look-up", "nearest sequence"),
        *("fused", "fused, DNA shuffled", "fused, DNA zeroed", "fused, free"),
        *("dna", "dna, DNA shuffled", "dna, DNA zeroed", "text", "text-nameless"),
    ]
    assert {one["second"] for one in results["added"]} == {*names} - {"fused", "fused, free"}
    assert "31-mers" in results["shared"]["test"][0]  # windows of 101 bases, 20 apart
    assert len(results["compat"]) == len(names)
    before = (bench.out / "judged/results.json").read_bytes()
    refused = command("fusion", "evaluate", run, "-o", bench.out / "judged", "--compat", "--free", 2)
    assert "add --resume" in refused.error
    again = command(
        "fusion", "evaluate", run, "-o", bench.out / "judged", "--compat", "--free", 2, "--resume"
    )
    assert again.code == 0
    assert json.loads(before)["rows"] == json.loads((bench.out / "judged/results.json").read_text())["rows"]

    answers = bench.out / "answers.csv"
    assert command("fusion", "predict", run / "model", converted, "-o", answers).code == 0
    rows = list(csv.DictReader(answers.read_text().splitlines()))
    assert len(rows) == 60
    assert {row["pred_label"] for row in rows} <= {"gout", "ague", "croup"}

    bases = bench.ref(200, 80)
    asked = ["--reference", bases, "--variant", bases[:40] + "ACGT" + bases[40:], "--generate"]
    said = command("fusion", "ask", run / "model", "-q", "Which one?", *asked, "--max-new-tokens", 4)
    assert said.code == 0, said.err
    assert b"not a diagnosis" in said.out


@pytest.mark.slow
def test_two_processes_train_as_one_does(bench: Bench, command: Run, converted: Path, language: Path) -> None:
    settings = ["dna.width=65", "projector.positions=2", "projector.inner=16", "projector.depth=1"]
    settings += ["language.dtype=float32", "language.rank=4", "language.dropout=0", "epochs=1", "batch=7"]
    settings += ["records.shares=0.6,0.2,0.2", f"dna.model={bench.model}", "checkpoint_every=2"]
    words = ["fusion", "train", "--records", converted, "--language", language]
    words += [word for one in settings for word in ("--set", one)]
    assert command(*words, "-o", bench.out / "one").code == 0
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2]
    line = [*map(str, [*two, "-m", "cistron", *words, "-o", bench.out / "two"])]
    ran = subprocess.run(line, capture_output=True, text=True, check=False, env=ONE_THREAD)
    assert ran.returncode == 0, ran.stderr
    one, other = (
        [json.loads(row) for row in (bench.out / name / "log.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert [row["loss"] for row in one] == pytest.approx([row["loss"] for row in other], rel=1e-4)
    assert one[-1]["validation"] == pytest.approx(other[-1]["validation"], rel=1e-4)
    weights = [load_file(bench.out / name / "model/adapter_model.safetensors") for name in ("one", "two")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=1e-4)
    assert (
        command("fusion", "predict", bench.out / "two/model", converted, "-o", bench.out / "a.csv").code == 0
    )


@pytest.fixture
def fused(bench: Bench, language: Path) -> Path:
    """A fused model that was never trained."""
    run = FusionRun(
        dna=DnaSettings(model=str(bench.model), width=65),
        projector=ProjectorSettings(positions=2, inner=16, heads=2, depth=1),
        language=LanguageSettings(model=str(language), dtype="float32", rank=2),
        device="cpu",
    )
    save_fused(bench.folder / "fused", build(run, ["ague", "croup", "gout"]))
    return Path(bench.folder / "fused")


@pytest.mark.parametrize("free", [(), ("--generate", "--max-new-tokens", 3, "--temperature", 1.5)])
def test_answers_that_were_stopped_go_on_where_they_were(
    bench: Bench,
    command: Run,
    converted: Path,
    fused: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: tuple[object, ...],
) -> None:
    out, few = bench.out / "answers.csv", bench.folder / "few.jsonl"
    few.write_text("".join(converted.read_text().splitlines(keepends=True)[:14]))
    words = ["fusion", "predict", fused, few, "-o", out, *free]
    assert command(*words).code == 0
    whole = out.read_bytes()
    out.unlink()

    def stopped(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cistron.cli.fusing.predicting.write_answers", stopped)
        assert command(*words).code == 130
    journal = Path(f"{out}.journal")
    kept = journal.read_bytes()
    journal.write_bytes(kept[: len(kept) * 2 // 3])
    assert "give --resume to continue it" in command(*words).error
    changed = command(*words, "--resume", "--max-new-tokens", 2, "--generate")
    assert "cannot resume" in changed.error
    assert command(*words, "--resume").code == 0
    assert out.read_bytes() == whole
    assert not journal.exists()


def test_ask_writes_which_bases_moved_the_answer(bench: Bench, command: Run, fused: Path) -> None:
    bases = bench.ref(200, 80)
    asked = ["fusion", "ask", fused, "-q", "Which one?", "--reference", bases]
    asked += ["--variant", bases[:40] + ("A" if bases[40] != "A" else "C") + bases[41:]]
    for name, more in (("e.png", ()), ("e.json", ("--method", "occlusion", "--windows", 2))):
        ran = command(*asked, "--evidence", bench.out / name, *more)
        assert ran.code == 0, ran.err
    told = json.loads((bench.out / "e.json").read_text())
    assert told["reference"]["site"] == [32, 33]
    assert told["reference"]["bases"] == bases[8:73]
    assert told["question"] == "Which one?"
    assert set(bench.left()) == {"e.png", "e.json"}
    refused = command(*asked, "--evidence", bench.out / "e.doc")
    assert "its name should end in" in refused.error
    assert "the service has its own" in command(*asked, "--server", "http://x", "-m", "default").error


def test_bases_that_have_moved_are_named(
    bench: Bench, command: Run, fused: Path, converted: Path, language: Path, tmp_path: Path
) -> None:
    settings = json.loads((fused / "fusion.json").read_text())
    settings["language"]["model"] = settings["dna"]["model"] = "moved"
    (fused / "fusion.json").write_text(json.dumps(settings))
    (fused / "checksums.json").unlink()
    words = ["fusion", "predict", fused, converted, "-o", bench.out / "answers.csv"]
    assert "moved" in command(*words).error
    assert command(*words, "-l", language, "-m", bench.model).code == 0


def test_errors_are_one_line(bench: Bench, command: Run, converted: Path, language: Path) -> None:
    words = ["fusion", "train", "-o", bench.out / "run", "--set", f"dna.model={bench.model}"]
    spread = ["--set", "dna.width=65", "--set", "records.shares=0.6,0.2,0.2"]
    assert "give records to learn from" in command(*words).error
    assert "which language model?" in command(*words, "--records", converted, *spread).error
    nowhere = command(
        *["fusion", "train", "-o", bench.out / "two", "--set", f"dna.model={bench.model}"],
        *["--records", converted, "--language", bench.folder / "x.gguf", *spread],
    )
    assert "no language model is at" in nowhere.error
    assert "no fusion recipe is called 'larg'" in command("fusion", "train", "larg").error
    missing = command("fusion", "ask", bench.model, "-q", "?", "--reference", "ACGT", "--variant", "ACCT")
    assert "is no fused model" in missing.error


def test_records_that_fit_nothing_leave_no_file(bench: Bench, command: Run) -> None:
    bench.vcf("1 100 N A", "9 5 A C")
    out = bench.out / "none.jsonl"
    ran = command("fusion", "convert", bench.folder / "in.vcf", "-r", bench.fasta(), "-o", out)
    assert "in.vcf holds no labelled items" in ran.error
    assert bench.left() == []
