"""`cistron plan score|embed|scan|generate`: what a verb takes, before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cistron.cli.main import build_app

TINY = ("-m", "genos/genos-tiny", "--device", "cpu", "--threads", 1)


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(build_app(), [str(word) for word in words], catch_exceptions=False)
    return found.exit_code, found.stdout, found.stderr


def facts(*words: object) -> dict:
    code, out, err = run("plan", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_plan_says_what_takes_the_memory_and_how_long_it_takes() -> None:
    code, out, _ = run("plan", "embed", "--sequences", 3, "--length", 2000, *TINY)
    assert code == 0
    assert "3 sequences, 6,000 tokens to read, longest 2,000" in out
    for row in ("program", "weights", "state", "activations", "all"):
        assert f"\n{row} " in out
    assert "batches of 16,384 tokens: --batch-tokens 16384" in out
    assert "\nabout " in out


def test_the_published_sizes_are_planned_for_a_gpu_that_is_not_here() -> None:
    words = ("-m", "genos/genos-1.2b", "--gpu", "H200", "--memory", 140, "--dtype", "bfloat16")
    plan = facts("embed", "--length", 2**20, *words)
    assert plan["costs"]["weights"] == 2 * 1_246_094_336
    # 12 layers, keys and values, 8 heads of 64, two bytes; 24 GiB for a million.
    assert plan["memory"]["state"] == 24 * 2**30
    assert 26 * 2**30 < plan["memory"]["peak"] < 32 * 2**30
    assert plan["floor_seconds"] == pytest.approx(2.77e16 / 989e12, rel=0.02)
    assert plan["seconds"] == pytest.approx(plan["floor_seconds"] / 0.4)
    assert plan["speed"]["measured"] is False


def test_the_batch_is_chosen_for_the_memory_that_is_given() -> None:
    words = ("embed", "--sequences", 100, "--length", 512, "-m", "genos/genos-10b", "--gpu", "A100")
    roomy, tight = (facts(*words, "--dtype", "bfloat16", "--memory", memory) for memory in (80, 21.5))
    assert roomy["batch_tokens"] == 16_384
    assert 256 <= tight["batch_tokens"] < roomy["batch_tokens"]
    assert tight["memory"]["peak"] <= tight["memory"]["there"] * (1 - tight["headroom"])


def test_keys_and_values_in_half_precision_halve_the_state() -> None:
    plain, half = (
        facts("embed", "--length", 4096, *TINY, *more) for more in ((), ("--cache-dtype", "bfloat16"))
    )
    assert half["memory"]["state"] == plain["memory"]["state"] / 2


def test_a_model_with_weights_is_timed_here() -> None:
    plan = facts("score", "--alleles", 10, "--threads", 1)
    assert plan["speed"]["measured"] is True
    assert plan["work"]["tokens"] == 20 * 1.5 * 2048
    assert plan["seconds"] > 0
    assert plan["floor_seconds"] is None


def test_variants_and_sequences_are_counted_in_their_files(tmp_path: Path) -> None:
    vcf = "##fileformat=VCFv4.3\n##contig=<ID=1,length=100>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (tmp_path / "in.vcf").write_text(vcf + "1\t5\t.\tA\tC,G\t.\t.\t.\n1\t9\t.\tA\tC\t.\t.\t.\n")
    assert facts("score", tmp_path / "in.vcf", *TINY, "--strands", "forward")["work"]["sequences"] == 3
    (tmp_path / "in.fa").write_text(">a\nACGT\nACG\n>b\n" + "A" * 50 + "\n")
    assert facts("embed", tmp_path / "in.fa", *TINY)["work"]["tokens"] == 57
    cut = facts("embed", tmp_path / "in.fa", *TINY, "--window", 20, "--stride", 10)["work"]
    assert (cut["sequences"], cut["tokens"], cut["longest"]) == (5, 87, 20)
    assert facts("scan", tmp_path / "in.fa", *TINY, "--width", 20)["work"]["longest"] == 20
    made = facts("generate", tmp_path / "in.fa", *TINY, "-n", 10, "--samples", 3)["work"]
    assert (made["sequences"], made["generated"], made["longest"]) == (6, 60, 60)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score",), "a file IN.vcf or --alleles NUMBER"),
        (("score", "in.vcf", "--alleles", 5), "and not both"),
        (("embed",), "a FASTA file, or --length BASES"),
        (("embed", "in.fa", "--sequences", 5), "a FASTA file, or --length BASES"),
        (("embed", "missing.fa", *TINY), "missing.fa"),
        (("embed", "--length", 5000, "--window", 5000, *TINY), "the most is 4,096"),
        (("score", "--alleles", 1, "--width", 5000, *TINY), "the most is 4,096"),
        (("generate", "--length", 4000, "-n", 97, *TINY), "4,097 bases at a time exceed"),
        (("embed", "--length", 100, "-m", "genos/genos-1.2b", "--gpu", "H200"), "must be given: --memory"),
        (("embed", "--length", 100, "--gpu", "H2000", "--memory", 9), "H200"),
        (("embed", "--length", 100, "--gpu", "H200", "--device", "cpu"), "contradict each other"),
        (
            ("embed", "--length", 100, "-m", "genos/genos-1.2b", "--device", "cpu", "--memory", 1),
            "GiB are there",
        ),
        (("embed", "--length", 100, "-m", "nonesuch"), "nonesuch"),
    ],
)
def test_what_cannot_be_planned_is_an_error_of_one_line(words: tuple[object, ...], said: str) -> None:
    code, out, err = run("plan", *words)
    assert code == 1
    assert not out
    assert said in err
    assert err.count("\n") == 1
