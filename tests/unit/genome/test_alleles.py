from __future__ import annotations

import random
from pathlib import Path

import pytest

from cistron.errors import UnknownContigError
from cistron.genome import Variant
from cistron.genome.alleles import (
    Allele,
    AlleleStatus,
    check_ref,
    classify,
    fetch_wrapped,
    shift,
    trim,
)


@pytest.mark.parametrize(
    ("ref", "alt", "end", "status"),
    [
        ("A", "C", None, None),
        ("acg", "t", None, None),
        ("A", "<DEL>", 20, None),
        ("N", "<DEL>", 20, None),
        ("A", "<DEL:ME:ALU>", 20, None),
        ("A", "<DEL>", None, AlleleStatus.SYMBOLIC),
        ("A", "<DEL>", 10, AlleleStatus.SYMBOLIC),
        ("A", "<DELETION>", 20, AlleleStatus.SYMBOLIC),
        ("A", "<DUP>", 20, AlleleStatus.SYMBOLIC),
        ("A", "<*>", None, AlleleStatus.SYMBOLIC),
        ("A", "<NON_REF>", 15, AlleleStatus.SYMBOLIC),
        ("A", "C<ctg1>", None, AlleleStatus.SYMBOLIC),
        ("A", "*", None, AlleleStatus.SPANNING),
        ("A", "A[2:321682[", None, AlleleStatus.BREAKEND),
        ("A", "]<ctg>:13]A", None, AlleleStatus.BREAKEND),
        ("A", ".TGC", None, AlleleStatus.BREAKEND),
        ("A", "G.", None, AlleleStatus.BREAKEND),
        ("A", "N", None, AlleleStatus.IUPAC),
        ("R", "A", None, AlleleStatus.IUPAC),
        ("AN", "A", None, AlleleStatus.IUPAC),
        ("A", "Ay", None, AlleleStatus.IUPAC),
    ],
)
def test_the_text_of_an_allele_decides_its_status(
    ref: str, alt: str, end: int | None, status: AlleleStatus | None
) -> None:
    assert classify(Variant("1", 10, ref, alt, end)) == status


def test_status_values_are_the_words_of_the_vcf_field() -> None:
    assert {str(status) for status in AlleleStatus} == {
        "REF_MISMATCH", "SYMBOLIC", "SPANNING", "BREAKEND", "IUPAC", "TOO_LONG", "N_WINDOW", "CONTIG_UNKNOWN",
    }  # fmt: skip


@pytest.mark.parametrize("ref", ["GTR", "GTA", "gtg", "GTRA", "G", "GTRAN", "GTRAC"])
def test_a_ref_that_agrees_has_no_mismatch(genome, ref: str) -> None:
    assert check_ref(Variant("1", 3, ref, "C"), genome(c="ACGTRAN"), "c") is None


@pytest.mark.parametrize(
    ("pos", "ref", "found"),
    [(3, "C", "G"), (3, "GTC", "GTR"), (6, "ANA", "AN"), (8, "A", ""), (900, "A", ""), (0, "A", "")],
)
def test_a_ref_that_differs_or_runs_off_the_contig_is_told_with_what_is_there(
    genome, pos: int, ref: str, found: str
) -> None:
    mismatch = check_ref(Variant("1", pos, ref, "C"), genome(c="ACGTRAN"), "c")
    assert mismatch is not None
    assert (mismatch.pos, mismatch.expected, mismatch.found) == (pos, ref, found)
    assert f"expected {ref}, found {found or 'nothing'}" in str(mismatch)


def test_a_symbolic_deletion_is_checked_at_its_anchor_and_its_end(genome) -> None:
    reference = genome(c="ACGTACGT")
    assert check_ref(Variant("c", 1, "A", "<DEL>", 8), reference, "c") is None
    assert check_ref(Variant("c", 0, "N", "<DEL>", 8), reference, "c") is None
    assert check_ref(Variant("c", 1, "C", "<DEL>", 8), reference, "c") is not None
    assert check_ref(Variant("c", 1, "A", "<DEL>", 9), reference, "c") is not None


def test_checking_on_an_unknown_contig_is_an_error(genome) -> None:
    with pytest.raises(UnknownContigError):
        check_ref(Variant("d", 1, "A", "C"), genome(c="A"), "d")


def test_long_alleles_are_cut_in_messages(genome) -> None:
    mismatch = check_ref(Variant("c", 1, "C" * 99, "A"), genome(c="A" * 99), "c")
    assert str(mismatch) == f"expected {'C' * 20}… (99 bases), found {'A' * 20}… (99 bases)"


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "allele"),
    [
        (5, "A", "C", (4, "A", "C")),
        (5, "a", "c", (4, "A", "C")),
        (5, "CAG", "CTG", (5, "A", "T")),
        (5, "CA", "C", (5, "A", "")),
        (5, "C", "CTT", (5, "", "TT")),
        (5, "ACC", "AC", (5, "C", "")),
        (5, "ACGT", "TCGA", (4, "ACGT", "TCGA")),
        (5, "AGA", "A", (4, "AG", "")),
        (5, "CAT", "CGGT", (5, "A", "GG")),
        (5, "A", "A", (5 - 1, "", "")),
    ],
)
def test_common_bases_are_trimmed(pos: int, ref: str, alt: str, allele: tuple[int, str, str]) -> None:
    assert trim(Variant("20", pos, ref, alt), "chr20") == Allele("chr20", *allele)


def test_a_symbolic_deletion_starts_behind_its_anchor_and_is_spelled_when_asked(genome) -> None:
    allele = trim(Variant("c", 2, "C", "<DEL>", 4))
    assert (allele.start, allele.end, allele.ref_length, allele.ref) == (2, 4, 2, "")
    spelled = allele.spelled(genome(c="ACGTA"))
    assert spelled == Allele("c", 2, "GT", "")
    assert spelled.ref_length == 2


#                 0123456789
HAND = {"repeat": "GCACACATGG", "run": "TTAAAAAACC"}


@pytest.mark.parametrize(
    ("chrom", "start", "ref", "alt", "strand", "shifted"),
    [
        ("repeat", 3, "CA", "", "+", (1, "CA", "")),
        ("repeat", 1, "CA", "", "-", (5, "CA", "")),
        ("repeat", 4, "AC", "", "+", (1, "CA", "")),
        ("repeat", 2, "AC", "", "-", (5, "CA", "")),
        ("repeat", 7, "", "CA", "+", (1, "", "CA")),
        ("repeat", 1, "", "CA", "-", (7, "", "CA")),
        ("repeat", 6, "A", "", "+", (6, "A", "")),
        ("repeat", 9, "G", "", "-", (9, "G", "")),
        ("repeat", 8, "G", "", "-", (9, "G", "")),
        ("repeat", 10, "", "G", "+", (8, "", "G")),
        ("repeat", 8, "", "G", "-", (10, "", "G")),
        ("run", 5, "A", "", "+", (2, "A", "")),
        ("run", 5, "A", "", "-", (7, "A", "")),
        ("run", 5, "A", "G", "+", (5, "A", "G")),
        ("run", 4, "", "AA", "-", (8, "", "AA")),
        ("run", 1, "T", "", "+", (0, "T", "")),
    ],
)
def test_indels_move_upstream_in_the_reading_direction(
    genome, chrom: str, start: int, ref: str, alt: str, strand: str, shifted: tuple[int, str, str]
) -> None:
    allele = shift(Allele(chrom, start, ref, alt), genome(**HAND), strand)
    assert allele == Allele(chrom, *shifted)


def test_shifting_stops_at_bases_that_are_not_acgt(genome) -> None:
    reference = genome(c="AANAAA")
    assert shift(Allele("c", 5, "A", ""), reference, "+").start == 3
    assert shift(Allele("c", 0, "A", ""), reference, "-").start == 1


def test_shifting_crosses_the_origin_of_a_circular_contig_only(genome) -> None:
    reference = genome(c="AACGTA")
    assert shift(Allele("c", 1, "A", ""), reference, "+").start == 0
    assert shift(Allele("c", 1, "A", ""), reference, "+", circular=True).start == 5
    assert shift(Allele("c", 5, "A", ""), reference, "-", circular=True).start == 1
    assert shift(Allele("c", 0, "", "A"), genome(c="AAAA"), "+", circular=True).alt == "A"


def test_shifting_walks_through_repeats_longer_than_a_chunk(genome) -> None:
    reference = genome(c="G" + "AC" * 5_000 + "T")
    assert shift(Allele("c", 9_999, "AC", ""), reference, "+") == Allele("c", 1, "AC", "")
    assert shift(Allele("c", 2, "CA", ""), reference, "-") == Allele("c", 9_999, "AC", "")


def test_wrapped_stretches_are_read_around_the_origin(genome) -> None:
    reference = genome(c="ACGTN")
    doubled = "ACGTN" * 3
    for start in range(-5, 6):
        for length in range(6):
            assert fetch_wrapped(reference, "c", start, start + length) == doubled[start + 5 :][:length]


def random_variants(seed: int) -> tuple[str, list[Variant]]:
    """A contig with many repeats and variants whose REF agrees with it."""
    rng = random.Random(seed)
    contig = "".join(
        "".join(rng.choices("ACGT", k=rng.randint(1, 4))) * rng.randint(1, 12) for _ in range(60)
    )
    variants = []
    for _ in range(300):
        start = rng.randint(0, len(contig) - 1)
        ref = contig[start : start + rng.randint(1, 7)]
        alt = rng.choice([ref[0], ref + contig[start : start + 3], "".join(rng.choices("ACGT", k=3))])
        if alt != ref:
            variants.append(Variant("c", start + 1, ref, alt))
    return contig, variants


@pytest.mark.parametrize("seed", range(3))
def test_shifting_on_plus_agrees_with_bcftools_norm(tmp_path: Path, genome, seed: int) -> None:
    bcftools = pytest.importorskip("pysam.bcftools")
    contig, variants = random_variants(seed)
    reference = genome(c=contig)
    fasta, vcf, out = tmp_path / "c.fa", tmp_path / "in.vcf", tmp_path / "out.vcf"
    fasta.write_text(f">c\n{contig}\n")
    records = [f"c\t{v.pos}\t{number}\t{v.ref}\t{v.alt}\t.\t.\t." for number, v in enumerate(variants)]
    header = ["##fileformat=VCFv4.2", f"##contig=<ID=c,length={len(contig)}>"]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    vcf.write_text("\n".join([*header, columns, *records]) + "\n")
    bcftools.norm("-f", str(fasta), "-o", str(out), str(vcf), catch_stdout=False)
    seen = 0
    for line in out.read_text().splitlines():
        if line.startswith("#"):
            continue
        chrom, pos, number, ref, alt, *_ = line.split("\t")
        ours = shift(trim(variants[int(number)]), reference, "+")
        # norm keeps one anchor base; without it and trimmed, its answer must be ours.
        assert shift(trim(Variant(chrom, int(pos), ref, alt)), reference, "+") == ours
        if not (ours.ref and ours.alt):
            assert ours.start == (int(pos) if ours.start else 0)
        seen += 1
    assert seen == len(variants)
