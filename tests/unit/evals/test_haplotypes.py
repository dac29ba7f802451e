from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals.haplotypes import densest_windows, personal, require_reference
from cistron.formats.haploid_genotypes import MISSING, Haploid, read_haploid

BASES = "ACGTACGTAC"


def _genotypes(*sites: tuple[int, tuple[str, ...], tuple[int, ...]]) -> Haploid:
    starts, alleles, calls = zip(*sites, strict=True)
    people = tuple(f"p{number}" for number in range(len(calls[0])))
    return Haploid("MT", people, starts, alleles, np.array(calls, dtype=np.int8))


def test_a_person_has_the_reference_with_their_alleles() -> None:
    found = _genotypes(
        (1, ("C", "T"), (1, 0, MISSING)),
        (3, ("TA", "T"), (0, 1, 0)),
        (6, ("G", "GTT", "A"), (2, 1, 0)),
    )
    assert [personal(found, person, BASES, 0, 10) for person in range(3)] == [
        "ATGTACATAC",
        "ACGTCGTTTAC",
        BASES,
    ]


def test_only_alleles_that_lie_inside_the_window_count() -> None:
    found = _genotypes((1, ("C", "T"), (1,)), (4, ("ACG", "A"), (1,)), (8, ("A", "G"), (1,)))
    assert personal(found, 0, BASES, 2, 6) == "GTAC"
    assert personal(found, 0, BASES, 2, 9) == "GTATG"


def test_of_overlapping_alleles_the_last_is_put_in_and_symbols_are_not() -> None:
    overlapping = _genotypes((2, ("GTA", "G"), (1,)), (4, ("A", "C"), (1,)), (7, ("T", "<DEL>"), (1,)))
    assert personal(overlapping, 0, BASES, 0, 10) == "ACGTCCGTAC"


def test_the_densest_window_is_the_first_with_most_sites() -> None:
    assert densest_windows(np.array([2, 10, 11, 19]), 20, 5) == [7]
    assert densest_windows(np.array([3]), 20, 20) == [0]


def test_further_windows_are_the_densest_of_those_that_do_not_overlap() -> None:
    found = densest_windows(np.array([2, 10, 11, 13, 18, 19]), 20, 5, 3)
    assert found == [9, 15, 0]
    with pytest.raises(InputError, match="3 windows of 5 bp hold variants and do not overlap; fewer than 4"):
        densest_windows(np.array([2, 10, 11, 13, 18, 19]), 20, 5, 4)


def test_a_reference_of_another_build_is_named() -> None:
    require_reference(_genotypes((1, ("C", "T"), (0,))), BASES)
    require_reference(_genotypes((1, ("C", "T"), (0,))), "ANGT")
    with pytest.raises(InputError, match="REF C at MT:3 is G in the reference; is it of another build"):
        require_reference(_genotypes((2, ("C", "T"), (0,))), BASES)
    with pytest.raises(InputError, match="REF C at MT:13 is nothing"):
        require_reference(_genotypes((12, ("C", "T"), (0,))), BASES)


def _vcf(path: Path, *records: str) -> Path:
    head = "##fileformat=VCFv4.1\n##contig=<ID=MT,length=10>\n"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\n"
    path.write_text(head + columns + "".join(record.replace(" ", "\t") + "\n" for record in records))
    return path


def test_a_file_of_haploid_genotypes_is_read(tmp_path: Path) -> None:
    found = read_haploid(
        _vcf(tmp_path / "a.vcf", "MT 2 . C T,G . . . GT 2 .", "MT 5 . A C . . . GT:DP 0:3 1:9")
    )
    assert (found.chrom, found.samples, found.starts) == ("MT", ("a", "b"), (1, 4))
    assert found.alleles == (("C", "T", "G"), ("A", "C"))
    assert found.calls.tolist() == [[2, MISSING], [0, 1]]


def test_two_alleles_or_two_contigs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"genotype '0\|1' at position 2 is not that of one allele"):
        read_haploid(_vcf(tmp_path / "a.vcf", "MT 2 . C T . . . GT 0|1 0"))
    with pytest.raises(InputError, match="2 contigs and 2 people"):
        read_haploid(_vcf(tmp_path / "b.vcf", "MT 2 . C T . . . GT 0 0", "1 2 . C T . . . GT 0 0"))
