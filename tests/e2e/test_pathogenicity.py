"""`cistron pathogenicity`: a labelled VCF becomes a calibrated head, and its answers an annotated VCF."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pysam
import pytest

from cistron.training.pathogenicity.run import JOURNAL

FIELDS = ("CLNSIG", "CLNREVSTAT", "GENEINFO", "MC")
REVIEWED = "criteria_provided,_multiple_submitters,_no_conflicts"
SETTINGS = ("around=0", "fitting.passes=20", "fitting.batch=8")
FAST = ("--width", 16, "--folds", 3, *(word for one in SETTINGS for word in ("--set", one)))


class Study:
    """A genome of three contigs with labelled substitutions: G and C are pathogenic, A and T are not."""

    def __init__(self, folder: Path, model: Path, count: int = 40) -> None:
        draw = random.Random(7)
        self.folder, self.model = folder, model
        contigs = {str(name): "".join(draw.choices("ACGT", k=1500)) for name in (1, 2, 3)}
        self.fasta = folder / "genome.fa"
        self.fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
        lines = ["##fileformat=VCFv4.1", *(f"##contig=<ID={name},length=1500>" for name in contigs)]
        lines += [f'##INFO=<ID={name},Number=.,Type=String,Description="x">' for name in FIELDS]
        lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
        for name, bases in contigs.items():
            for pos in sorted(draw.sample(range(50, 1450), count)):
                ref = bases[pos - 1]
                alt = draw.choice([base for base in "ACGT" if base != ref])
                label = "Pathogenic" if alt in "CG" else "Likely_benign"
                label = "Uncertain_significance" if pos % 11 == 0 else label
                told = f"CLNSIG={label};CLNREVSTAT={REVIEWED};GENEINFO=G{name}{pos // 300}:1"
                lines.append(f"{name}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t{told}")
        self.vcf = folder / "clinvar.vcf"
        self.vcf.write_text("\n".join(lines) + "\n")
        self.genes = folder / "genes.gff3"
        exon = "x\texon\t100\t900\t.\t+\t.\tParent=T"
        self.genes.write_text("".join(f"{name}\t{exon}{name}\n" for name in contigs))

    def train(self, output: Path, *more: object) -> list[object]:
        """Words of the command."""
        words = ["pathogenicity", "train", self.vcf, "-r", self.fasta, "-m", self.model]
        return [*words, "-o", output, *FAST, *more]

    def predict(self, head: Path, output: Path, *more: object) -> list[object]:
        """Words of the command."""
        return ["pathogenicity", "predict", head, self.vcf, "-r", self.fasta, "-o", output, *more]


@pytest.fixture(scope="module")
def study(tiny: Path, tmp_path_factory) -> Study:
    return Study(tmp_path_factory.mktemp("study"), tiny)


@pytest.fixture(scope="module")
def run(command, study: Study) -> Path:
    """A finished run, whose head reads consequences too."""
    folder = study.folder / "run"
    assert command(*study.train(folder, "--annotation", study.genes)).code == 0
    return folder


@pytest.fixture(scope="module")
def predicted(command, study: Study, run: Path) -> Path:
    output = study.folder / "out.vcf.gz"
    model = ("-m", study.model, "--annotation", study.genes)
    assert command(*study.predict(run, output, *model)).code == 0
    return output


def metrics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return found


def test_a_planted_signal_is_found_in_genes_and_chromosomes_that_were_held_out(run: Path):
    for what in ("gene", "chromosome"):
        rows = metrics(run)["held_out"][what]["rows"]
        assert rows["head"]["auroc"]["estimate"] > 0.85
        assert rows["head"]["auroc"]["estimate"] > rows["consequence alone"]["auroc"]["high"]
        assert rows["consequence alone"]["head_minus"]["low"] > 0
        assert set(rows) == {"head", "llr alone", "consequence alone", "words of 3 bases"}


def test_the_report_shows_what_was_left_out(run: Path):
    page = (run / "report.html").read_text()
    assert "uncertain significance" in page
    assert page.count("<svg") == 4
    assert metrics(run)["dropped"]["uncertain significance"] > 0


def test_every_record_is_kept_and_has_a_calibrated_answer(study: Study, predicted: Path):
    with pysam.VariantFile(str(predicted)) as vcf, pysam.VariantFile(str(study.vcf)) as given:
        names = ("CLNSIG", "CISTRON_PATH", "CISTRON_PATH_CLASS")
        records = [(record.pos, *(record.info[name] for name in names)) for record in vcf]
        assert [record[0] for record in records] == [record.pos for record in given]
    certain = [(label, said) for _, label, _, said in records if label != ("Uncertain_significance",)]
    right = [(label == ("Pathogenic",)) == (said == ("Pathogenic",)) for label, said in certain]
    assert sum(right) / len(right) > 0.85
    assert all((p[0] > 0.5) == (said == ("Pathogenic",)) for *_, p, said in records)


def test_answers_do_not_depend_on_what_stands_beside(command, study: Study, run: Path, predicted: Path):
    lines = study.vcf.read_text().splitlines()
    alone = study.folder / "alone.vcf"
    alone.write_text("\n".join([line for line in lines if line.startswith("#")] + [lines[-1]]) + "\n")
    output = study.folder / "alone_out.vcf"
    words = ["pathogenicity", "predict", run / "head", alone, "-r", study.fasta, "-m", study.model]
    assert command(*words, "--annotation", study.genes, "-o", output).code == 0
    with pysam.VariantFile(str(output)) as one, pysam.VariantFile(str(predicted)) as other:
        *_, last = (record.info["CISTRON_PATH"][0] for record in other)
        assert next(one).info["CISTRON_PATH"][0] == pytest.approx(last, abs=1e-4)


def test_a_head_that_reads_consequences_asks_for_the_annotation(command, study: Study, run: Path):
    ran = command(*study.predict(run, study.folder / "none.vcf", "-m", study.model))
    assert "give --annotation, such as genes.gff3" in ran.error


def test_a_head_of_another_model_is_refused_and_both_are_named(command, study: Study, run: Path):
    words = ("-m", "default", "--annotation", study.genes)
    ran = command(*study.predict(run, study.folder / "none.vcf", *words))
    assert "was trained on tiny" in ran.error
    assert "this is default" in ran.error


def test_fields_of_an_earlier_run_need_a_tag_or_a_word(command, study: Study, run: Path, predicted: Path):
    words = ["pathogenicity", "predict", run, predicted, "-r", study.fasta, "-m", study.model]
    words += ["--annotation", study.genes, "-o", study.folder / "again.vcf"]
    assert "already carries CISTRON_PATH" in command(*words).error
    assert command(*words, "--tag", "TWO").code == 0
    with pysam.VariantFile(str(study.folder / "again.vcf")) as vcf:
        record = next(vcf)
        assert record.info["CISTRON_TWO_PATH"] == record.info["CISTRON_PATH"]


def test_alleles_that_cannot_be_read_say_why(command, study: Study, run: Path):
    path = study.folder / "odd.vcf"
    path.write_text(
        "##fileformat=VCFv4.1\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        "1\t100\t.\tA\t<DUP>\t.\t.\t.\n9\t5\t.\tA\tC\t.\t.\t.\n1\t101\t.\tA\t.\t.\t.\t.\n"
    )
    output = study.folder / "odd_out.vcf"
    words = ["pathogenicity", "predict", run, path, "-r", study.fasta, "-m", study.model]
    assert command(*words, "--annotation", study.genes, "-o", output).code == 0
    with pysam.VariantFile(str(output)) as vcf:
        found = [record.info.get("CISTRON_PATH_STATUS") for record in vcf]
    assert found[1:] == [("CONTIG_UNKNOWN",), None]
    assert found[0] in (("SYMBOLIC",), ("REF_MISMATCH",))


def test_a_run_that_was_killed_goes_on_and_ends_alike(installed, command, tiny: Path, tmp_path: Path):
    study = Study(tmp_path, tiny, count=100)
    folder, quick = tmp_path / "run", ("--set", "fitting.passes=3")
    words = [*installed, *map(str, study.train(folder, *quick))]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(words, stderr=subprocess.DEVNULL, env=alone)
    deadline = time.monotonic() + 60
    while not (folder / JOURNAL).exists() or (folder / JOURNAL).stat().st_size < 50_000:
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert "give --resume to continue it" in command(*study.train(folder, *quick)).error
    assert command(*study.train(folder, *quick, "--resume")).code == 0
    whole = tmp_path / "whole"
    assert command(*study.train(whole, *quick)).code == 0
    for name in ("metrics.json", "held_out_predictions.tsv", "head/head.safetensors"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_a_genome_with_one_gene_is_refused(command, study: Study, tmp_path: Path):
    lines = [line.split(";GENEINFO")[0] for line in study.vcf.read_text().splitlines()]
    one = tmp_path / "one.vcf"
    one.write_text("\n".join(f"{li};GENEINFO=G:1" if not li.startswith("#") else li for li in lines) + "\n")
    words = [
        "pathogenicity",
        "train",
        one,
        "-r",
        study.fasta,
        "-m",
        study.model,
        "-o",
        tmp_path / "run",
        *FAST,
    ]
    assert "1 groups of alleles cannot make 3 folds" in command(*words).error
