"""What `cistron embed` refuses: one line that names what was wrong, exit 1, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def refusal(command: Run, bench: Any) -> Callable[..., str]:
    """The one line of a run that fails and leaves nothing: `refusal(input, output, *more)`."""

    def run(source: object, out: object, *more: object, **options: Any) -> str:
        found = command("embed", source, "-o", bench.out / str(out), "-m", bench.model, *more, **options)
        assert bench.left() == []
        return str(found.error)

    return run


def text_file(bench: Any, name: str, content: str) -> Path:
    path = bench.folder / name
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "more", "message"),
    [
        ("in.fa", ">a\nACGT\n>empty one\n>b\nAC\n", [], "'empty' is empty"),
        ("in.fa", ">a\nACGT\n>empty one\n>b\nAC\n", ["--window", 4], "'empty' is empty"),
        ("in.fa", ">a\nACGU\n", [], "'a': character 'U' at position 3"),
        ("in.fa", ">a\nAC-GT\n", ["--window", 3], "'a:1-3': character '-' at position 2"),
        ("in.fa", ">a\n" + "ACGTA" * 1000, [], "'a' is longer than the 4,096 bases"),
        ("in.fa", ">a\nACGT\n", ["--window", 5000], "--window 5,000 exceeds the 4,096 bases"),
        ("in.fa", ">a\nACGT\n", ["--window", 4, "--stride", 5], "a stride of 5 bp"),
        ("in.fa", ">a\nACGT\n", ["--stride", 5], "--stride goes with --window"),
        ("in.fa", ">a\nACGT\n", ["--interval", "2-9"], "the interval 2-9 is not within 'a' of 4 bases"),
        ("in.fa", ">a\nACGT\n", ["--interval", "0-3"], "counted from 1"),
        ("in.fa", ">a\nACGT\n", ["--interval", "abc"], "counted from 1"),
        (
            "in.fa",
            ">a\nACGT\n",
            ["--around", 9],
            "--around goes with input of the kind vcf, and this is fasta",
        ),
        ("in.fa", ">a\nACGT\n", ["--column", "x"], "--column goes with input of the kind table"),
        ("in.fa", ">a\nACGT\n", ["--layer", "nine"], "nine"),
        ("in.fa", ">a\nACGT\n", ["--layer", 9], "no layer has index 9"),
        ("in.fa", "ACGT\n", [], "is not FASTA"),
        ("in.fa", "", [], "is empty"),
        ("in.tsv", "id\tdna\na\tACGT\n", [], "no column 'sequence'"),
        ("in.tsv", "id\tsequence\na\t\n", [], "'a' is empty"),
        ("in.tsv", "n\tsequence\na\t\n", [], "'row 1' is empty"),
        ("in.tsv", "id\tsequence\n", [], "holds nothing to embed"),
        ("in.tsv", "embedding\tsequence\n1\tACGT\n", [], "has a column 'embedding' already"),
        ("in.txt", "ACGT\n", [], "unknown kind; inputs end in .fa"),
        ("in.bed", "1\t5\t9\n", [], "needs the genome it refers to; give --reference"),
    ],
)
def test_bad_input_and_settings_without_a_meaning_are_refused(
    bench: Any, refusal: Callable[..., str], name: str, content: str, more: list[object], message: str
) -> None:
    assert message in refusal(text_file(bench, name, content), "o.parquet", *more)


@pytest.mark.parametrize(
    ("line", "more", "message"),
    [
        ("1\t5\t5\tpoint", [], "interval 1:6-5 (point) is empty"),
        ("1\t2990\t3010", [], "interval 1:2,991-3,010 reaches beyond the contig of 3,000 bases"),
        ("9\t5\t50", [], "contig '9' is not in genome.fa"),
        ("1\t50\t5", [], "start not after end"),
        ("1\t5", [], "has 2 columns"),
        ("1\t5\t500", ["--width", 100], "has 495 bases; --width is 100"),
        ("1\t5\t500", ["--width", 600, "--window", 100], "leave out --window"),
        ("1\t5\t500", ["--width", 9000], "a window of 9,000 bp exceeds the model's context"),
    ],
)
def test_bad_intervals_are_refused_with_their_place(
    bench: Any, refusal: Callable[..., str], line: str, more: list[object], message: str
) -> None:
    bed = text_file(bench, "in.bed", line + "\n")
    assert message in refusal(bed, "o.parquet", "-r", bench.fasta(), *more)


@pytest.mark.parametrize(
    ("record", "more", "message"),
    [
        ("1 500 X A", [], "REF differs from genome.fa at 1:500"),
        ("1 500 X A", ["--pooling", "none"], "alleles may differ in length"),
        ("9 500 A C", ["--check-ref", "warn"], "no contig of"),
        ("1 500 A C", ["--window", 9], "--window goes with input of the kind fasta or bed or table"),
        ("1 500 A C", ["--width", 9000], "exceeds the model's context"),
    ],
)
def test_bad_variants_are_refused(
    bench: Any, refusal: Callable[..., str], record: str, more: list[object], message: str
) -> None:
    wrong = record.replace("X", "ACGT"["CGTA".index(bench.ref(500))])
    vcf = bench.vcf(wrong, header=("##source=none",))
    assert message in refusal(vcf, "o.parquet", "-r", bench.fasta(), *more)


@pytest.mark.parametrize(
    ("out", "more", "message"),
    [
        ("o.csv", [], "ends in .parquet, .npy, .h5ad, .zarr"),
        ("none/o.parquet", [], "does not exist"),
        (
            "o.npy",
            ["--layer", 0, "--layer", 1],
            "holds one array and embedding_0, embedding_1 were asked for",
        ),
        ("o.npy", ["--pooling", "none"], "4 to 7; cut them with --window"),
        ("o.h5ad", ["--pooling", "none"], "holds one vector for each record"),
    ],
)
def test_outputs_that_cannot_hold_it_are_refused(
    bench: Any, refusal: Callable[..., str], out: str, more: list[object], message: str
) -> None:
    fasta = bench.fasta("in.fa", a="ACGT", b="ACGTACG")
    assert message in refusal(fasta, out, *more)


def test_the_input_is_never_overwritten(bench: Any, command: Run) -> None:
    source = text_file(bench, "x.npy.tsv", "id\tsequence\na\tACGT\n")
    for output in (bench.folder / "x.npy", bench.folder / "link.npy"):
        (bench.folder / "link.npy.tsv").unlink(missing_ok=True)
        (bench.folder / "link.npy.tsv").symlink_to(source)
        found = command("embed", source, "-o", output, "-m", bench.model)
        assert "is the input" in found.error
    assert source.read_text().startswith("id\tsequence")


def test_standard_input_of_another_kind_is_refused(bench: Any, refusal: Callable[..., str]) -> None:
    assert "neither FASTA nor VCF" in refusal("-", "o.parquet", stdin=b"id\tsequence\n")
    assert "--resume needs a file" in refusal("-", "o.parquet", "--resume", stdin=b">a\nACGT\n")


def test_an_unknown_kind_of_allele_is_wrong_usage(bench: Any, command: Run) -> None:
    vcf = bench.vcf(bench.snv(500))
    found = command("embed", vcf, "-o", bench.out / "o.npy", "-r", bench.fasta(), "--allele", "delta")
    assert found.code == 2
    assert "'delta' is not one of difference, ref, alt" in " ".join(found.err.split())


def test_a_ref_that_differs_gets_no_vectors_under_warn(bench: Any, command: Run) -> None:
    import pyarrow.parquet as pq

    ref = bench.ref(500)
    vcf = bench.vcf(f"1 500 {'ACGT'['CGTA'.index(ref)]} {ref}", bench.snv(600))
    out = bench.out / "o.parquet"
    words = ["-r", bench.fasta(), "--width", 64, "--check-ref", "warn", "-m", bench.model]
    assert command("embed", vcf, "-o", out, *words).code == 0
    table = pq.read_table(out)
    assert table["status"].to_pylist() == ["REF_MISMATCH", None]
    assert [value is None for value in table["embedding_ref"].to_pylist()] == [True, False]
