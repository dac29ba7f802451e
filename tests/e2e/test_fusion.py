"""Train a small fused model, judge it with all its rows, and ask it one question."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

Run = Any  # conftest's, which pytest does not let tests import
Bench = Any

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random language model of the Qwen3 type whose tokens are bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    marks = ["<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_ = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(marks + letters)}, merges=[]))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    bytes_.add_special_tokens(marks)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_, eos_token="<|im_end|>")
    tokenizer.chat_template = CHAT
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=512,
    )
    folder = tmp_path_factory.mktemp("language")
    Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


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
