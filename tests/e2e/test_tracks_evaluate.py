"""`cistron tracks evaluate` and `plot`: numbers, tables and figures from bigWig files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cistron.formats.bigwig import Run, write_bigwig

LENGTH = 60_000
HELD_OUT, TRAINING = "chr1:30001-60000", "chr1:1-30000"


def write_track(path: Path, values: np.ndarray, chrom: str = "chr1", length: int = LENGTH) -> Path:
    """A bigWig of one contig."""
    write_bigwig(path, {chrom: length}, [Run(chrom, 0, values)])
    return path


@pytest.fixture(scope="module")
def measured() -> np.ndarray:
    """Signal on the exons of the genes, and some noise."""
    random = np.random.default_rng(2)
    values = random.poisson(0.2, LENGTH).astype(np.float64)
    for number, start in enumerate(range(500, LENGTH - 1200, 1300)):
        for exon in (start, start + 700):
            values[exon : exon + 300] += random.poisson(1 + number % 7, 300)
    return values


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, measured) -> dict[str, Path]:
    """Truth, two predictions, genes and genome."""
    folder = tmp_path_factory.mktemp("inputs")
    random = np.random.default_rng(5)
    good = 0.8 * measured + random.gamma(1.0, 0.3, LENGTH)
    genes = folder / "genes.gff3"
    with genes.open("w") as file:
        file.write("##gff-version 3\n")
        for number, start in enumerate(range(500, LENGTH - 1200, 1300)):
            strand = "+-"[number % 2]
            for kind, low, high in (("gene", 0, 1000), ("exon", 0, 300), ("exon", 700, 1000)):
                place = f"{start + low + 1}\t{start + high}"
                file.write(f"1\t.\t{kind}\t{place}\t.\t{strand}\t.\tName=G{number}\n")
    fasta = folder / "genome.fa"
    bases = np.where(measured > 1, *(random.choice(list(letters), LENGTH) for letters in ("GGGCCA", "ACGT")))
    fasta.write_text(">1\n" + "".join(bases) + "\n")
    return {
        "truth": write_track(folder / "truth.bw", measured),
        "good": write_track(folder / "good.bw", good),
        "poor": write_track(folder / "poor.bw", random.permutation(good)),
        "genes": genes,
        "genome": fasta,
    }


@pytest.fixture
def evaluate(command, inputs, tmp_path):
    """Runs `cistron tracks evaluate` on the held-out half; further words come last and so count."""

    def run(*more, truth=None, prediction=None, regions=HELD_OUT):
        words = ["--truth", truth or inputs["truth"], "--prediction", prediction or inputs["good"]]
        words += ["--regions", regions, "--block", 2560, "--resamples", 20, "-o", tmp_path / "out"]
        return command("tracks", "evaluate", *words, *more)

    return run


def metrics(folder: Path) -> dict[tuple[str, str, str], dict]:
    """(prediction, level, metric) → its cells."""
    found = json.loads((folder / "evaluation.json").read_text())
    return {(row["name"], m["level"], m["name"]): m for row in found["rows"] for m in row["metrics"]}


def test_predictions_and_baselines_are_measured_at_every_level(evaluate, inputs, measured, tmp_path):
    options = ["--prediction", inputs["poor"], "--annotation", inputs["genes"], "-r", inputs["genome"]]
    assert evaluate("--train-regions", TRAINING, *options).code == 0
    found = metrics(tmp_path / "out")
    assert {name for name, _, _ in found} == {"good", "poor", "mean", "gc", "cpg", "annotation"}
    assert {level for _, level, _ in found} == {"base", "bin", "gene"}
    best = found["good", "bin", "pearson_log1p"]
    assert best["low"] <= best["value"] <= best["high"]
    for other in ("poor", "gc", "cpg", "annotation"):
        assert found[other, "bin", "pearson_log1p"]["high"] < best["low"]
    assert found["annotation", "bin", "pearson_log1p"]["value"] > 0.3
    assert found["good", "gene", "outliers"]["value"] == 0
    assert found["mean", "base", "pearson"]["value"] is None
    assert found["mean", "base", "pearson"]["note"] == "the prediction does not vary"
    differences = json.loads((tmp_path / "out/evaluation.json").read_text())["differences"]
    by_pair = {(d["first"], d["second"], d["level"], d["name"]): d for d in differences}
    assert by_pair["good", "annotation", "bin", "spearman"]["better"] is True
    assert by_pair["poor", "annotation", "bin", "spearman"]["better"] is False


def test_the_folder_holds_numbers_tables_page_and_how_they_were_made(evaluate, inputs, tmp_path):
    assert evaluate("--annotation", inputs["genes"]).code == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "evaluation.json",
        "evaluation.json.manifest.json",
        "genes.tsv",
        "metrics.tsv",
        "report.html",
    ]
    manifest = json.loads((out / "evaluation.json.manifest.json").read_text())
    assert (manifest["seed"], manifest["block"], manifest["regions"]) == (0, 2560, ["chr1:30001-60000"])
    assert set(manifest["sha256"]) == {str(inputs[name]) for name in ("truth", "good", "genes")}
    rows = (out / "metrics.tsv").read_text().splitlines()
    assert rows[0].split("\t")[:5] == ["prediction", "kind", "level", "metric", "value"]
    assert len(rows) == 1 + 5 + 5 + 6
    page = (out / "report.html").read_text()
    assert "<h2>Totals of genes</h2>" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("part", ["exons", "body"])
def test_totals_of_genes_are_sums_over_exons_or_bodies_of_one_strand(
    evaluate, inputs, measured, tmp_path, part
):
    options = ("--annotation", inputs["genes"], "--strand", "-", "--gene-part", part)
    assert evaluate(*options).code == 0
    lines = (tmp_path / "out/genes.tsv").read_text().splitlines()
    header, *rows = [line.split("\t") for line in lines if not line.startswith("##")]
    first = dict(zip(header, rows[0], strict=True))
    assert {row[header.index("strand")] for row in rows} == {"-"}
    gene = measured[int(first["start"]) : int(first["end"])]
    summed = gene if part == "body" else np.concatenate([gene[:300], gene[700:]])
    assert (len(gene), int(first["bases"])) == (1000, len(summed))
    assert float(first["measured"]) == summed.sum()


def test_without_training_regions_there_are_no_baselines_and_that_is_said(evaluate, tmp_path):
    ran = evaluate()
    assert "no baselines: give --train-regions" in ran.err
    assert {name for name, _, _ in metrics(tmp_path / "out")} == {"good"}


def test_too_few_genes_are_not_compared(evaluate, inputs, tmp_path):
    ran = evaluate("--annotation", inputs["genes"], regions="chr1:30001-38000")
    assert "6 genes lie whole in the regions: too few" in ran.err
    assert {level for _, level, _ in metrics(tmp_path / "out")} == {"base", "bin"}


def test_a_replicate_is_measured_like_a_prediction_and_may_have_gaps(evaluate, measured, tmp_path):
    again = np.where(measured > 0, measured, np.nan)
    replicate = write_track(tmp_path / "again.bw", again)
    assert evaluate("--replicate", replicate, "--train-regions", TRAINING).code == 0
    assert metrics(tmp_path / "out")["again", "base", "pearson"]["value"] == pytest.approx(1.0)
    found = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert {row["name"]: row["kind"] for row in found["rows"]} == {
        "good": "model",
        "again": "replicate",
        "mean": "baseline",
    }
    assert {difference["first"] for difference in found["differences"]} == {"good"}


def test_bases_that_the_genome_does_not_know_are_left_out(evaluate, inputs, tmp_path):
    text = inputs["genome"].read_text().splitlines()[1]
    gapped = tmp_path / "gapped.fa"
    gapped.write_text(">1\n" + text[:40_000] + "N" * 5_000 + text[45_000:] + "\n")
    assert evaluate("-r", gapped).code == 0
    assert metrics(tmp_path / "out")["good", "base", "pearson"]["n"] == 25_000


def test_a_track_of_another_assembly_is_refused(evaluate, measured, tmp_path):
    other = write_track(tmp_path / "other.bw", np.append(measured, 1.0), length=LENGTH + 1)
    assert "of different assemblies" in evaluate(prediction=other).error


def test_values_that_are_no_coverage_are_refused(evaluate, measured, tmp_path):
    negative = write_track(tmp_path / "negative.bw", -measured)
    assert "coverage is not negative" in evaluate(truth=negative).error
    assert evaluate("--negate", truth=negative).code == 0
    broken = measured.copy()
    broken[40_000] = np.inf
    infinite = write_track(tmp_path / "infinite.bw", broken)
    assert "at chr1:40,001" in evaluate(truth=infinite).error


def test_gaps_of_a_prediction_are_refused_unless_they_are_to_be_zero(evaluate, measured, tmp_path):
    lacking = measured + 0.1
    lacking[50_000:50_100] = np.nan
    gapped = write_track(tmp_path / "gapped.bw", lacking)
    assert "'gapped' has no value at 100 bases" in evaluate(prediction=gapped).error
    assert evaluate("--gaps", "zero", prediction=gapped).code == 0


def test_regions_off_the_contig_or_without_it_are_refused(evaluate, tmp_path):
    assert "holds no bases" in evaluate(regions="chr1:70000-80000").error
    assert "no contig 'chr2'" in evaluate(regions="chr2:1-1000").error
    bed = tmp_path / "far.bed"
    bed.write_text("chr1\t59000\t61000\n")
    assert "chr1 of truth.bw has 60,000 bp" in evaluate(regions=bed).error


def test_regions_that_were_trained_on_are_refused_unless_told(evaluate):
    assert "overlaps the regions" in evaluate("--train-regions", "chr1:20001-40000").error
    assert evaluate("--train-regions", "chr1:20001-40000", "--allow-overlap").code == 0


def test_an_annotation_without_genes_there_is_refused(evaluate, inputs, tmp_path):
    other = tmp_path / "other.gff3"
    other.write_text(inputs["genes"].read_text().replace("\n1\t", "\n2\t"))
    assert "no gene on contig chr1" in evaluate("--annotation", other).error


def test_names_of_predictions_must_differ_from_each_other_and_from_baselines(evaluate, inputs):
    assert "two tracks are called 'good'" in evaluate("--prediction", f"good={inputs['poor']}").error
    assert "as a baseline is" in evaluate("--prediction", f"mean={inputs['poor']}").error


@pytest.mark.parametrize(("ending", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_tracks_are_drawn_over_genes_by_the_ending_of_the_file(command, inputs, tmp_path, ending, magic):
    out = tmp_path / f"out{ending}"
    words = ["--truth", inputs["truth"], "--prediction", inputs["good"], "--annotation", inputs["genes"]]
    assert command("tracks", "plot", "chr1:30,001-40,000", *words, "-o", out).code == 0
    assert out.read_bytes().startswith(magic)


def test_a_gene_is_drawn_by_its_name(command, inputs, tmp_path):
    words = ["--prediction", inputs["good"], "--annotation", inputs["genes"], "--own-scales"]
    assert command("tracks", "plot", "G3", *words, "-o", tmp_path / "out.svg").code == 0
    drawn = (tmp_path / "out.svg").read_text()
    assert "G3" in drawn


def test_what_cannot_be_drawn_is_told_in_one_line(command, inputs, tmp_path):
    words = ["--prediction", inputs["good"], "-o", tmp_path / "out.gif"]
    assert ".png, .svg, .pdf" in command("tracks", "plot", "chr1:1-100", *words).error
    words[-1] = tmp_path / "out.png"
    assert "no contig 'NOGENE'" in command("tracks", "plot", "NOGENE", *words).error
    words[1] = tmp_path / "missing.bw"
    assert "does not exist" in command("tracks", "plot", "chr1:1-100", *words).error
