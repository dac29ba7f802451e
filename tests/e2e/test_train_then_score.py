"""From a FASTA or a checkpoint to a model that scores."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def genome(path: Path, bases: int = 4_000) -> Path:
    letters = random.Random(3)
    unit = "".join(letters.choices("ACGT", weights=(4, 1, 1, 4), k=bases))
    path.write_text(f">1\n{unit}\n")
    return path


def test_models_convert_writes_a_folder_that_scores_and_refuses_to_replace_it(
    command: Command, tiny: Path, tmp_path: Path
) -> None:
    out = tmp_path / "converted"
    assert command("models", "convert", tiny, out, "--dtype", "bfloat16").code == 0
    assert (out / "checksums.json").exists()
    assert command("models", "show", out).code == 0
    ran = command("models", "convert", tiny, out)
    assert ran.code == 1
    assert ran.err.startswith("cistron: ")
    assert ran.err.count("\n") == 1


def test_a_markov_model_is_trained_from_fasta_and_knows_what_it_saw(command: Command, tmp_path: Path) -> None:
    fasta = genome(tmp_path / "genome.fa")
    run = tmp_path / "run"
    ran = command("train", "markov", "-o", run, "--set", "order=3", "--set", f"fasta={fasta}")
    assert (ran.code, ran.err.count("\n")) == (0, 1)
    vcf = tmp_path / "in.vcf"
    bases = fasta.read_text().splitlines()[1]
    rows = [
        f"1\t{place + 1}\t.\t{bases[place]}\t{'A' if bases[place] == 'T' else 'T'},C\t.\t.\t."
        for place in range(1000, 3000, 100)
        if bases[place] in "AT"
    ]
    header = "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    vcf.write_text(header + "\n".join(rows) + "\n")
    out = tmp_path / "out.tsv"
    assert command("score", vcf, "-r", fasta, "-m", run / "model", "-o", out, "--width", "128").code == 0
    table = [line.split("\t") for line in out.read_text().splitlines() if not line.startswith("##")]
    column = {name: number for number, name in enumerate(table[0])}
    common = [float(row[column["llr"]]) for row in table[1:] if row[column["alt"]] in "AT"]
    rare = [float(row[column["llr"]]) for row in table[1:] if row[column["alt"]] in "CG"]
    assert len(common) == len(rare) > 5
    assert sum(common) / len(common) > sum(rare) / len(rare) + 0.5
