"""Alleles that are rare, odd or at an edge: scored where that means something, else told why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def alleles(score: Run, bench: Any, scores_of: Run) -> Run:
    """Scores records on the standard genome, or on `fasta`, and gives the rows of the output."""

    def run(*records: str, fasta: Path | None = None, options: tuple[object, ...] = (), **header: Any) -> Any:
        out = bench.out / "out.vcf"
        ran = score(bench.vcf(*records, **header), fasta or bench.fasta(), out, *options)
        assert ran.code == 0, ran.err
        return scores_of(out)

    return run


@pytest.mark.parametrize(
    ("alt", "status"),
    [
        ("*", "SPANNING"),
        ("<DUP>", "SYMBOLIC"),
        ("<NON_REF>", "SYMBOLIC"),
        ("<*>", "SYMBOLIC"),
        ("<DEL>", "SYMBOLIC"),
        ("A[2:50[", "BREAKEND"),
        ("]2:50]A", "BREAKEND"),
        (".A", "BREAKEND"),
        ("R", "IUPAC"),
        ("N", "IUPAC"),
    ],
)
def test_an_allele_without_bases_passes_with_its_reason(
    alleles: Run, bench: Any, alt: str, status: str
) -> None:
    odd, plain = alleles(f"1 500 {bench.ref(500)} {alt}", bench.snv(510))
    assert (odd["llr"], odd["flank"], odd["status"]) == (None, None, status)
    assert plain["llr"] is not None
    assert plain["status"] is None


def test_scored_and_unscored_alleles_share_a_record(alleles: Run, bench: Any) -> None:
    ref = bench.ref(500)
    alt = "ACGT"["CGTA".index(ref)]
    spanning, scored, symbolic = alleles(f"1 500 {ref} *,{alt},<INS>")
    assert (spanning["status"], scored["status"], symbolic["status"]) == ("SPANNING", None, "SYMBOLIC")
    alone = alleles(f"1 500 {ref} {alt}")[0]
    assert scored["llr"] == pytest.approx(alone["llr"], abs=1e-4)


def test_a_record_without_alternative_passes_untouched(score: Run, bench: Any) -> None:
    vcf = bench.vcf(f"1 500 {bench.ref(500)} . END=600", f"1 700 {bench.ref(700)} .")
    assert score(vcf, bench.fasta(), bench.out / "out.vcf").code == 0
    before = [line for line in vcf.read_text().splitlines() if not line.startswith("#")]
    after = [line for line in (bench.out / "out.vcf").read_text().splitlines() if not line.startswith("#")]
    assert after == before


def test_an_alternative_equal_to_the_reference_scores_zero(alleles: Run, bench: Any) -> None:
    same = alleles(f"1 500 {bench.ref(500, 3)} {bench.ref(500, 3)}")[0]
    assert same["llr"] == same["flank"] == 0.0


@pytest.mark.parametrize("contig", ["1", "2"])
def test_the_first_and_the_last_base_of_a_contig_are_scored(alleles: Run, bench: Any, contig: str) -> None:
    last = len(bench.sequences[contig])
    rows = alleles(
        bench.snv(1, contig),
        f"{contig} 1 {bench.ref(1, 3, contig)} {bench.ref(1, 1, contig)}",
        f"{contig} {last} {bench.ref(last, 1, contig)} {bench.ref(last, 1, contig)}ACC",
        bench.snv(last, contig),
    )
    assert all(row["llr"] is not None and abs(row["llr"]) > 1e-6 for row in rows)


def test_an_ambiguous_reference_base_agrees_with_the_bases_it_stands_for(alleles: Run, bench: Any) -> None:
    bases = bench.sequences["1"]
    fasta = bench.fasta("iupac.fa", **{"1": bases[:499] + "R" + bases[500:], "2": bench.sequences["2"]})
    rows = alleles("1 500 A T", "1 500 G T", "1 500 C T", fasta=fasta, options=("--check-ref", "warn"))
    assert [row["status"] for row in rows] == [None, None, "REF_MISMATCH"]


def test_an_ambiguous_ref_allele_is_not_scored(alleles: Run, bench: Any) -> None:
    code = {"A": "R", "G": "R", "C": "Y", "T": "Y"}[bench.ref(500)]
    assert alleles(f"1 500 {code} {bench.ref(501)}")[0]["status"] == "IUPAC"


def test_a_window_of_n_is_not_scored(alleles: Run, bench: Any) -> None:
    bases = bench.sequences["1"]
    fasta = bench.fasta("n.fa", **{"1": "N" * 900 + "A" + "N" * 1099 + bases[2000:], "2": "N" * 1000})
    rows = alleles("1 901 A C", "1 950 N A", "1 950 N <DEL> END=960", bench.snv(2500), fasta=fasta)
    assert [row["status"] for row in rows] == ["N_WINDOW", "IUPAC", "N_WINDOW", None]


@pytest.mark.parametrize("length", [33, 64, 200, 2000])
def test_a_ref_allele_longer_than_the_window_allows_is_too_long(
    alleles: Run, bench: Any, length: int
) -> None:
    deletion, after = alleles(f"1 500 {bench.ref(500, length)} {bench.ref(500)}", bench.snv(600))
    assert (deletion["llr"], deletion["status"]) == (None, "TOO_LONG")
    assert after["llr"] is not None


def test_a_deletion_of_almost_a_contig_is_too_long_and_quick(alleles: Run, bench: Any) -> None:
    assert alleles(f"1 2 {bench.ref(2)} <DEL> END=2999;SVLEN=-2997")[0]["status"] == "TOO_LONG"


def test_duplicate_records_score_alike(alleles: Run, bench: Any) -> None:
    rows = alleles(bench.snv(500), bench.snv(500), bench.snv(700), bench.snv(500))
    assert rows[0] == rows[1] == rows[3]
    assert rows[0]["llr"] != rows[2]["llr"]


def test_records_in_any_order_keep_it_and_the_missing_index_is_told(score: Run, bench: Any) -> None:
    vcf = bench.vcf(bench.snv(900), bench.snv(10, "2"), bench.snv(100), bench.snv(5, "2"))
    out = bench.out / "out.vcf.gz"
    ran = score(vcf, bench.fasta(), out)
    assert ran.code == 0
    assert ran.err.splitlines()[0] == f"cistron: {out} has no index because {vcf} is not sorted"
    assert bench.left() == ["out.vcf.gz", "out.vcf.gz.manifest.json"]


def test_a_contig_that_only_the_variants_have_is_told_per_allele(alleles: Run, bench: Any) -> None:
    header = ("##contig=<ID=1>", "##contig=<ID=decoy>")
    unknown, known = alleles("decoy 5 A C", bench.snv(500), header=header)
    assert (unknown["llr"], unknown["status"]) == (None, "CONTIG_UNKNOWN")
    assert known["llr"] is not None


def test_a_header_without_contigs_is_enough(alleles: Run, bench: Any) -> None:
    with_contigs = alleles(bench.snv(500), bench.snv(100, "2"))
    assert alleles(bench.snv(500), bench.snv(100, "2"), header=()) == with_contigs


def test_line_ends_of_windows_are_read(score: Run, bench: Any, scores_of: Run) -> None:
    unix = bench.vcf(bench.snv(500), bench.snv(700) + " DB")
    dos = bench.folder / "dos.vcf"
    dos.write_bytes(unix.read_bytes().replace(b"\n", b"\r\n"))
    score(unix, bench.fasta(), bench.out / "unix.vcf")
    assert score(dos, bench.fasta(), bench.out / "dos.vcf").code == 0
    assert scores_of(bench.out / "dos.vcf") == scores_of(bench.out / "unix.vcf")


def test_a_header_without_records_gives_a_header_without_records(score: Run, bench: Any) -> None:
    for name in ("out.vcf", "out.vcf.gz", "out.parquet", "out.tsv"):
        ran = score(bench.vcf(), bench.fasta(), bench.out / name)
        assert ran.code == 0
        assert "0 of 0 alleles scored" in ran.err
    assert (bench.out / "out.vcf").read_text().splitlines()[-1].startswith("#CHROM")


def test_very_long_info_many_samples_and_bytes_that_are_not_utf8_survive(score: Run, bench: Any) -> None:
    names = "\t".join(f"s{number}" for number in range(3000))
    genotypes = "\tGT" + "\t0|1" * 3000
    first = f"1\t500\t.\t{bench.ref(500)}\t{bench.ref(500)}A\t.\t.\tNOTE={'x' * 1_000_000}{genotypes}"
    second = f"1\t600\t.\t{bench.ref(600)}\t{bench.ref(600)}A\t.\t.\tNOTE=caf?{genotypes}"
    vcf = bench.vcf(first, second, columns=f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}")
    vcf.write_bytes(vcf.read_bytes().replace(b"caf?", b"caf\xe9"))
    assert score(vcf, bench.fasta(), bench.out / "out.vcf").code == 0
    lines = (bench.out / "out.vcf").read_bytes().splitlines()
    assert lines[-2].count(b"x") == 1_000_000
    assert b"NOTE=caf\xe9;CISTRON_LLR=" in lines[-1]
    assert all(line.count(b"0|1") == 3000 for line in lines[-2:])


def test_a_field_defined_twice_is_kept_twice(score: Run, bench: Any) -> None:
    twice = '##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">'
    header = ("##contig=<ID=1,length=3000>", twice, twice)
    assert score(bench.vcf(bench.snv(500), header=header), bench.fasta(), bench.out / "out.vcf").code == 0
    assert (bench.out / "out.vcf").read_text().splitlines().count(twice) == 2


def test_position_zero_is_a_telomere_and_never_scored(alleles: Run) -> None:
    assert alleles("1 0 N A", options=("--check-ref", "warn"))[0]["llr"] is None
    assert alleles("1 0 . <DEL> END=5")[0]["status"] is None
