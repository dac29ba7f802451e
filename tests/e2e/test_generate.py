"""`cistron generate` as a user runs it: prompts of every kind, constraints, screens, resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cistron.cli.generating import run as generating
from cistron.formats.fasta import Fasta
from cistron.genome.sequence import reverse_complement
from cistron.inference.generation.constraints import Constraints, parse_gc

PYTHON = sys.executable
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def generate(command, bench):
    """Runs `cistron generate` with the tiny model."""

    def run(*words: object, stdin: bytes | None = None):
        return command("generate", "-m", bench.model, "-n", 20, *words, stdin=stdin)

    return run


def records(text: str) -> dict[str, tuple[dict[str, str], str]]:
    """Name → (words of the heading, sequence)."""
    found = {}
    for record in text.split(">")[1:]:
        heading, _, letters = record.partition("\n")
        name, *words = heading.split()
        found[name] = dict(word.split("=", 1) for word in words), letters.replace("\n", "")
    return found


def test_prompts_from_the_command_line_are_continued_on_standard_output(generate):
    ran = generate("--prompt", "ACGTTGCA", "--prompt", "T", "--samples", 2, "--seed", 3)
    assert ran.code == 0
    made = records(ran.out.decode())
    assert list(made) == ["prompt1.1", "prompt1.2", "prompt2.1", "prompt2.2"]
    facts, sequence = made["prompt1.1"]
    assert sequence.startswith("ACGTTGCA")
    assert len(sequence) == 28
    assert set(sequence) <= set("ACGT")
    assert facts["prompt"] == "8"
    assert facts["new"] == "20"
    assert facts["screened"] == "no"
    assert float(facts["log_likelihood"]) < 0
    assert float(facts["sampling_log_likelihood"]) < 0
    assert "not screened" in ran.err
    assert generate("--prompt", "ACGTTGCA", "--prompt", "T", "--samples", 2, "--seed", 3).out == ran.out


def test_prompts_come_from_fasta_and_from_standard_input(generate, bench):
    fasta = bench.folder / "prompts.fa"
    fasta.write_text(">one with words\nACGT\nTTGA\n>two\nc\n")
    from_file = generate("--prompts", fasta)
    made = records(from_file.out.decode())
    assert list(made) == ["one.1", "two.1"]
    assert made["one.1"][1].startswith("ACGTTTGA")
    assert generate("--prompts", "-", stdin=fasta.read_bytes()).out == from_file.out


@pytest.mark.parametrize("strand", ["+", "-"])
def test_prompts_come_from_a_region_of_either_strand(generate, bench, strand):
    fasta = bench.fasta()
    ran = generate("--region", "chr1:101-130", "-r", fasta, "--strand", strand)
    ((name, (_, sequence)),) = records(ran.out.decode()).items()
    bases = bench.ref(101, 30)
    assert name == ("1:101-130.1" if strand == "+" else "1:101-130(-).1")
    assert sequence[:30] == (bases if strand == "+" else reverse_complement(bases))


def test_a_file_has_its_manifest_beside_it_and_nothing_else(generate, bench):
    path = bench.out / "out.fa"
    ran = generate("--prompt", "ACGT", "--samples", 3, "--seed", 9, "--top-k", 3, "-o", path)
    assert ran.code == 0
    assert ran.out == b""
    assert bench.left() == ["out.fa", "out.fa.manifest.json"]
    manifest = json.loads((bench.out / "out.fa.manifest.json").read_text())
    assert manifest["seed"] == 9
    assert manifest["top_k"] == 3
    assert manifest["screened"] is False
    assert manifest["sequences"] == 3
    assert len(manifest["model_sha256"]) == 64
    streamed = generate("--prompt", "ACGT", "--samples", 3, "--seed", 9, "--top-k", 3)
    assert path.read_bytes() == streamed.out


def test_a_packed_file_can_be_indexed(generate, bench):
    path = bench.out / "out.fa.gz"
    generate("--prompt", "ACGT", "-o", path)
    with Fasta(path) as fasta:
        assert fasta.contigs == {"prompt1.1": 24}


def test_json_lines_hold_the_probability_of_every_base(generate, bench):
    path = bench.out / "out.jsonl"
    generate("--prompt", "ACGT", "--samples", 2, "-o", path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["name"] for line in lines] == ["prompt1.1", "prompt1.2"]
    for line in lines:
        assert len(line["continuation"]) == len(line["log_probabilities"]) == 20
        assert sum(line["log_probabilities"]) == pytest.approx(line["log_likelihood"], abs=1e-4)
        assert line["screened"] is False
    assert generate("--prompt", "ACGT", "--samples", 2, "--json").out == path.read_bytes()


def test_the_batch_changes_nothing(generate):
    words = ["--prompt", "ACGTTGCA", "--prompt", "T", "--samples", 4, "--temperature", 0.7, "--top-p", 0.9]
    alone = records(generate(*words, "--batch-tokens", 1).out.decode())
    together = records(generate(*words, "--batch-tokens", 64).out.decode())
    assert list(together) == list(alone)
    for (facts, sequence), (expected, same) in zip(together.values(), alone.values(), strict=True):
        assert sequence == same
        assert float(facts["log_likelihood"]) == pytest.approx(float(expected["log_likelihood"]), abs=2e-4)


def test_constraints_are_kept_in_dna_chisels_judgement(generate):
    words = ["--avoid", "EcoRI", "--avoid", "CG", "--gc", "0.4-0.6/10", "--max-homopolymer", 2]
    ran = generate("--prompt", "ACTG", "--samples", 5, "-n", 100, *words)
    assert ran.code == 0
    constraints = Constraints(("EcoRI", "CG"), parse_gc("0.4-0.6/10"), 2)
    made = records(ran.out.decode())
    assert len(made) == 5
    for _, sequence in made.values():
        assert constraints.breaches(sequence) == []


def test_without_the_prompt_the_new_bases_alone_are_written_and_constrained(generate):
    words = ["--prompt", "GAATTCNNGAATTC", "--avoid", "EcoRI"]
    assert "holds other letters than A, C, G, T" in generate(*words).error
    ran = generate(*words, "--without-prompt")
    ((_, (facts, sequence)),) = records(ran.out.decode()).items()
    assert len(sequence) == 20
    assert facts["prompt"] == "14"


def test_a_screening_command_marks_what_passes_and_withholds_what_it_refuses(generate, bench):
    path = bench.out / "out.fa"
    code = "import sys; sys.exit(open(sys.argv[1]).read().split()[1].startswith('TT'))"
    words = [
        "--prompt",
        "ACGT",
        "--prompt",
        "TTAC",
        "--screen",
        f'{PYTHON} -c "{code}" {{fasta}}',
        "-o",
        path,
    ]
    ran = generate(*words)
    name = Path(PYTHON).name
    assert ran.error.startswith(
        f"1 of 2 sequences refused, first prompt2.1: refused by {name}: exit status 1; the other 1"
    )
    made = records(path.read_text())
    assert list(made) == ["prompt1.1"]
    assert made["prompt1.1"][0]["screened"] == "yes"
    manifest = json.loads((bench.out / "out.fa.manifest.json").read_text())
    assert manifest["screens"] == [name]
    assert manifest["refused"] == [f"prompt2.1: refused by {name}: exit status 1"]
    assert "TTAC" not in path.read_text()
    assert bench.left() == ["out.fa", "out.fa.manifest.json"]


def test_when_all_are_refused_nothing_is_written(generate, bench):
    ran = generate("--prompt", "ACGT", "--screen", "false {fasta}", "-o", bench.out / "out.fa")
    assert ran.error.endswith("refused by false: exit status 1; nothing was written")
    assert bench.left() == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "nothing to continue; give --prompt"),
        (["--prompt", ""], "prompt1 is empty"),
        (["--prompt", "ACGU"], "prompt1: character 'U' at position 3"),
        (["--prompt", "AC GT"], "character ' ' at position 2"),
        (
            ["--prompt", "A" * 4090],
            "prompt1 has 4,090 bases and 20 more make 4,110, but the model's context is 4,096",
        ),
        (["--prompts", "{folder}/missing.fa"], "missing.fa does not exist"),
        (["--prompts", "{folder}/empty.fa"], "empty.fa is empty"),
        (["--prompts", "{folder}/text.fa"], "is not FASTA"),
        (["--prompts", "{folder}/hollow.fa"], "hollow is empty"),
        (["--region", "1:1-10"], "--region needs the genome"),
        (["--region", "7:1-10", "-r", "{folder}/genome.fa"], "'7'"),
        (["--region", "1:5000-5010", "-r", "{folder}/genome.fa"], "holds no bases"),
        (["--prompt", "A", "-o", "{folder}/out.txt"], "its name should end in"),
        (["--prompt", "A", "-o", "{folder}/no/out.fa"], "does not exist"),
        (["--prompt", "A", "-o", "{folder}/out.fa", "--json"], "end in .jsonl"),
        (["--prompts", "{folder}/genome.fa", "-o", "{folder}/genome.fa"], "is the input"),
        (["--prompt", "A", "--resume"], "--resume needs files"),
        (["--prompt", "A", "--avoid", "EcoR1"], "did you mean EcoR"),
        (["--prompt", "A", "--gc", "40-60"], "GC content '40-60'"),
        (["--prompt", "A", "--gc", "0.4-0.6/100"], "window of 100 bp is longer than the sequence of 21 bp"),
        (["--prompt", "AGAATTCA", "--avoid", "EcoRI"], "prompt1 itself holds what is to be avoided"),
        (
            ["--prompt", "A", "--avoid", "SW", "--gc", "0.5-0.5/8"],
            "bases none could follow (avoid SW, GC 0.5-0.5",
        ),
        (["--prompt", "A", "--avoid", "EcoRI", "--alphabet", "any"], "leave the alphabet at dna"),
        (["--prompt", "A", "--require-screening"], "screening is required"),
        (["--prompt", "A", "--screen", "screener"], "must hold {{fasta}}"),
        (["--prompt", "A", "--screen", "no-such-screener {{fasta}}"], "no-such-screener cannot be started"),
        (["--prompt", "A", "--top-p", "0"], "top-p is 0.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:40],
)
def test_what_cannot_be_done_is_refused_in_one_line(generate, bench, words, named):
    bench.fasta()
    (bench.folder / "empty.fa").touch()
    (bench.folder / "text.fa").write_text("ACGT\n")
    (bench.folder / "hollow.fa").write_text(">full\nACGT\n>hollow\n")
    ran = generate(*(word.format(folder=bench.folder) for word in words))
    assert named.format() in ran.error
    assert ran.out == b""
    assert bench.left() == []


@pytest.mark.parametrize(
    "words", [["-n", "0"], ["--samples", "0"], ["--temperature", "-1"], ["--alphabet", "rna"]]
)
def test_numbers_out_of_range_are_usage_errors(generate, words):
    assert generate("--prompt", "A", *words).code == 2


def test_one_bad_prompt_among_many_is_found_before_anything_is_generated(generate, bench):
    fasta = bench.folder / "prompts.fa"
    fasta.write_text("".join(f">p{i}\nACGT\n" for i in range(200)) + ">bad\nACXT\n")
    started = time.monotonic()
    assert generate("--prompts", fasta, "-n", 4000, "-o", bench.out / "out.fa").error.startswith(
        "bad: character 'X'"
    )
    assert time.monotonic() - started < 20
    assert bench.left() == []


def test_a_killed_run_resumes_to_the_same_file(installed, generate, bench):
    path, whole = bench.out / "out.fa", bench.folder / "whole.fa"
    words = ["--prompt", "ACGTTGCA", "--prompt", "T", "--samples", 15, "--batch-tokens", 60, "--seed", 5]
    assert generate(*words, "-o", whole).code == 0
    line = [*installed, "generate", "-m", str(bench.model), "-n", "20", *map(str, words), "-o", str(path)]
    journal = path.with_name("out.fa.journal")
    started = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ONE_THREAD)
    while started.poll() is None and not (journal.exists() and journal.stat().st_size > 2500):
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    started.communicate()
    assert bench.left() == ["out.fa.journal"]
    assert generate(*words, "-o", path, "--resume").code == 0
    assert path.read_bytes() == whole.read_bytes()
    assert bench.left() == ["out.fa", "out.fa.manifest.json"]


def test_another_seed_does_not_resume(generate, bench, monkeypatch):
    path = bench.out / "out.fa"
    with monkeypatch.context() as patch:
        patch.setattr(generating, "text_output", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            generate("--prompt", "ACGT", "--seed", 1, "-o", path)
    assert "seed was 1 and is 2" in generate("--prompt", "ACGT", "--seed", 2, "-o", path, "--resume").error
    assert generate("--prompt", "ACGT", "--seed", 1, "-o", path, "--resume").code == 0


def test_the_shipped_model_continues_a_real_region(command, example):
    reference = example / "prnp_chr20.fa.gz"
    words = [
        "--region",
        "chr20:4,680,001-4,680,200",
        "-r",
        reference,
        "-n",
        50,
        "--samples",
        2,
        "--avoid",
        "BsaI",
    ]
    made = records(command("generate", *words).out.decode())
    assert list(made) == ["20:4680001-4680200.1", "20:4680001-4680200.2"]
    for facts, sequence in made.values():
        assert len(sequence) == 250
        assert -1.6 < float(facts["log_likelihood"]) / 50 < -0.8
