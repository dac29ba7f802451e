"""What the options of `cistron score` do to the scores and the file."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def mismatched(bench: Any) -> Path:
    """Three records; the second has a REF that the genome has not, and so has one of the third."""
    ref = bench.ref(600)
    wrong = "ACGT"["CGTA".index(ref)]
    path: Path = bench.vcf(bench.snv(500), f"1 600 {wrong} {ref}", bench.snv(700))
    return path


def test_check_ref_warn_keeps_the_record_with_a_status_and_counts_it(
    score: Run, bench: Any, mismatched: Path, scores_of: Run
) -> None:
    ran = score(mismatched, bench.fasta(), bench.out / "out.vcf", "--check-ref", "warn")
    assert ran.code == 0
    assert "2 of 3 alleles scored (1 REF_MISMATCH)" in ran.err
    rows = scores_of(bench.out / "out.vcf")
    assert [row["status"] for row in rows] == [None, "REF_MISMATCH", None]
    assert rows[1]["llr"] is None


def test_check_ref_exclude_drops_the_record_and_no_other(
    score: Run, bench: Any, mismatched: Path, scores_of: Run
) -> None:
    ran = score(mismatched, bench.fasta(), bench.out / "out.vcf.gz", "--check-ref", "exclude")
    assert "1 REF_MISMATCH" in ran.err
    assert [row["pos"] for row in scores_of(bench.out / "out.vcf.gz")] == [500, 700]


def test_check_ref_warn_scores_on_another_build_and_says_so(score: Run, bench: Any, scores_of: Run) -> None:
    vcf = bench.vcf(bench.snv(500), header=("##contig=<ID=1,length=2999>",))
    ran = score(vcf, bench.fasta(), bench.out / "out.vcf", "--check-ref", "warn")
    assert "2,999 bases in the one and 3,000 in the other" in ran.err
    assert scores_of(bench.out / "out.vcf")[0]["llr"] is not None


def test_regions_score_what_overlaps_and_leave_the_rest_untouched(
    score: Run, bench: Any, scores_of: Run
) -> None:
    records = [
        bench.snv(500),
        f"1 595 {bench.ref(595, 6)} {bench.ref(595)}",
        bench.snv(601),
        f"1 602 {bench.ref(602)} <DEL> END=612",
        bench.snv(650),
        bench.snv(7, "2"),
    ]
    vcf = bench.vcf(*records)
    options = ("--regions", "1:600-600", "--regions", "1:605-610", "--regions", "chr2")
    score(vcf, bench.fasta(), bench.out / "some.vcf", *options)
    score(vcf, bench.fasta(), bench.out / "all.vcf")
    some, whole = scores_of(bench.out / "some.vcf"), scores_of(bench.out / "all.vcf")
    scored = [row["pos"] for row in some if row["llr"] is not None]
    assert scored == [595, 602, 7]
    for one, other in zip(some, whole, strict=True):
        assert one["llr"] is None or one["llr"] == pytest.approx(other["llr"], abs=1e-4)
    untouched = (bench.out / "some.vcf").read_text().splitlines()
    assert all(line in untouched for line in vcf.read_text().splitlines() if "\t500\t" in line)


def test_a_region_of_the_reference_without_records_scores_nothing(score: Run, bench: Any) -> None:
    vcf = bench.vcf(bench.snv(500), header=())
    ran = score(vcf, bench.fasta(), bench.out / "out.vcf", "--regions", "2:1-100")
    assert "0 of 0 alleles scored" in ran.err


def test_tags_put_several_models_in_one_file(score: Run, bench: Any, scores_of: Run) -> None:
    fasta, first, second = bench.fasta(), bench.out / "a.vcf", bench.out / "b.vcf"
    score(bench.vcf(bench.snv(500)), fasta, first, "--tag", "A")
    assert score(first, fasta, second, "--tag", "B", "--strands", "forward").code == 0
    (a,), (b,) = scores_of(second, "A_"), scores_of(second, "B_")
    assert a["llr"] is not None
    assert b["llr"] is not None
    assert a["llr"] != b["llr"]
    assert "CISTRON_LLR" not in second.read_text()


def test_the_same_tag_twice_is_refused_and_may_be_overwritten(score: Run, bench: Any, scores_of: Run) -> None:
    fasta, first, second = bench.fasta(), bench.out / "a.vcf", bench.out / "b.vcf"
    score(bench.vcf(bench.snv(500)), fasta, first, "--tag", "A")
    assert "already carries CISTRON_A_LLR" in score(first, fasta, second, "--tag", "A").error
    assert not second.exists()
    assert score(first, fasta, second, "--tag", "A", "--overwrite", "--strands", "forward").code == 0
    score(bench.vcf(bench.snv(500)), fasta, bench.out / "c.vcf", "--strands", "forward")
    assert scores_of(second, "A_") == scores_of(bench.out / "c.vcf")


def test_overwrite_replaces_scores_and_their_definitions(score: Run, bench: Any) -> None:
    fasta, first, again = bench.fasta(), bench.out / "a.vcf", bench.out / "b.vcf"
    score(bench.vcf(bench.snv(500)), fasta, first, "--width", 128)
    score(first, fasta, again, "--overwrite")
    score(bench.vcf(bench.snv(500)), fasta, bench.out / "c.vcf")
    text = again.read_text()
    assert text.count("ID=CISTRON_LLR,") == 1
    assert text.count("CISTRON_LLR=") == 1
    assert "width=128" not in text
    assert text.splitlines()[-1] == (bench.out / "c.vcf").read_text().splitlines()[-1]


def test_strands_average_the_two_reading_directions(score: Run, bench: Any, scores_of: Run) -> None:
    complement = str.maketrans("ACGT", "TGCA")
    bases = bench.sequences["1"]
    backward = bench.fasta("backward.fa", **{"1": bases[::-1].translate(complement)})
    ref = bench.ref(500)
    alt = "ACGT"["CGTA".index(ref)]
    plus = bench.vcf(f"1 500 {ref} {alt}", name="plus.vcf")
    minus = bench.vcf(f"1 2501 {ref.translate(complement)} {alt.translate(complement)}", name="minus.vcf")
    found = []
    for vcf, fasta, *options in (
        (plus, bench.fasta(), "--strands", "forward"),
        (minus, backward, "--strands", "forward"),
        (plus, bench.fasta()),
    ):
        out = bench.out / f"{len(found)}.vcf"
        score(vcf, fasta, out, *options, "--check-ref", "warn")
        found.append(scores_of(out)[0]["llr"])
    assert found[0] != pytest.approx(found[1], abs=1e-3)
    assert found[2] == pytest.approx((found[0] + found[1]) / 2, abs=1e-5)


def test_indel_rules_differ_for_indels_only(score: Run, bench: Any, scores_of: Run) -> None:
    vcf = bench.vcf(bench.snv(500), f"1 600 {bench.ref(600, 4)} {bench.ref(600)}")
    score(vcf, bench.fasta(), bench.out / "a.vcf")
    score(vcf, bench.fasta(), bench.out / "b.vcf", "--indel", "equal-tokens")
    (snv, indel), (same, other) = scores_of(bench.out / "a.vcf"), scores_of(bench.out / "b.vcf")
    assert snv["llr"] == pytest.approx(same["llr"], abs=1e-5)
    assert indel["llr"] != pytest.approx(other["llr"], abs=1e-3)


def test_a_circular_contig_is_read_across_its_origin(score: Run, bench: Any, scores_of: Run) -> None:
    bases = bench.sequences["1"]
    turned = bench.fasta("turned.fa", **{"1": bases[1500:] + bases[:1500], "2": bench.sequences["2"]})
    vcf = bench.vcf(bench.snv(1), bench.snv(3000))
    first, last = bench.snv(1).split(" ")[2:], bench.snv(3000).split(" ")[2:]
    inside = bench.vcf(f"1 1501 {' '.join(first)}", f"1 1500 {' '.join(last)}", name="inside.vcf")
    score(vcf, bench.fasta(), bench.out / "circular.vcf", "--circular", "chr1")
    score(vcf, bench.fasta(), bench.out / "linear.vcf")
    score(inside, turned, bench.out / "inside.vcf")
    circular, linear, middle = (
        [row["llr"] for row in scores_of(bench.out / f"{name}.vcf")]
        for name in ("circular", "linear", "inside")
    )
    assert circular == pytest.approx(middle, abs=1e-4)
    assert circular != pytest.approx(linear, abs=1e-3)


def test_the_human_mitochondrion_is_circular_by_default(score: Run, bench: Any, scores_of: Run) -> None:
    bases = "".join(random.Random(9).choices("ACGT", k=16_569))
    bench.sequences = {"chrM": bases}
    fasta = bench.fasta("mito.fa")
    vcf = bench.vcf(bench.snv(1, "chrM"))
    score(vcf, fasta, bench.out / "default.vcf")
    score(vcf, fasta, bench.out / "asked.vcf", "--circular", "chrM")
    bench.sequences = {"chrM": bases[:-1]}
    score(bench.vcf(bench.snv(1, "chrM")), bench.fasta("short.fa"), bench.out / "linear.vcf")
    default, asked, linear = (
        scores_of(bench.out / f"{name}.vcf")[0]["llr"] for name in ("default", "asked", "linear")
    )
    assert default == asked
    assert default != pytest.approx(linear, abs=1e-3)


def test_width_defaults_to_what_the_model_recommends(command: Run, bench: Any) -> None:
    words = ["score", bench.vcf(bench.snv(1500)), "-r", bench.fasta(), "-m", bench.model]
    assert "width=512;" in command(*words).out.decode()
    assert "width=4096;" in command(*words, "--width", 4096).out.decode()


def test_bfloat16_is_named_in_the_manifest_and_near_float32(score: Run, bench: Any, scores_of: Run) -> None:
    vcf = bench.vcf(bench.snv(500), bench.snv(900))
    score(vcf, bench.fasta(), bench.out / "a.vcf")
    score(vcf, bench.fasta(), bench.out / "b.vcf", "--dtype", "bfloat16")
    assert '"dtype": "bfloat16"' in (bench.out / "b.vcf.manifest.json").read_text()
    for exact, rough in zip(scores_of(bench.out / "a.vcf"), scores_of(bench.out / "b.vcf"), strict=True):
        assert rough["llr"] == pytest.approx(exact["llr"], abs=0.5)
